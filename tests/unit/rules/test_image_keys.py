"""The standard functions in the names of containers."""

from __future__ import annotations

import pytest

from osh_conformance.rules.shared.image_keys import in_name


@pytest.mark.parametrize(
    ("name", "functions"),
    [
        ("keystone-db-init-0", {"db_init"}),
        ("heat_ks_user", {"ks_user"}),
        ("compute-ks-endpoints-admin", {"ks_endpoints"}),
        ("wait-for-db-sync", set()),
        ("db-synchronizer", set()),
        ("bootstrap-ks-user", {"bootstrap", "ks_user"}),
    ],
)
def test_a_name_contains_functions_as_whole_words(name: str, functions: set[str]) -> None:
    assert in_name(name) == functions
