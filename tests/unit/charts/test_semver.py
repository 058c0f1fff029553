"""Ranges of versions mean what they mean to Helm."""

from __future__ import annotations

import pytest

from osh_conformance.charts.semver import fits


@pytest.mark.parametrize(
    ("version", "wanted", "expected"),
    [
        ("2.31.3", "2.x.x", True),
        ("3.0.0", "2.x.x", False),
        ("2.31.3", "2.X", True),
        ("1.2.3", "", True),
        ("1.2.3", "*", True),
        ("1.2.3", "x", True),
        ("0.1.0", ">= 0.1.0", True),
        ("0.1.0", "0.1.0", True),
        ("0.1.1", "0.1.0", False),
        ("v1.2.3", "1.2.3", True),
        ("1.2.0+build", "1.2.0", True),
        ("1.2.9", "1.2", True),
        ("1.3.0", "1.2", False),
        ("1.2.9", "~1.2.3", True),
        ("1.2.2", "~1.2.3", False),
        ("1.3.0", "~1.2.3", False),
        ("1.3.0", "~1", True),
        ("1.5.0", "~>1.5", True),
        ("5.0.0", "~0.0.0", True),
        ("1.9.0", "^1.2.3", True),
        ("2.0.0", "^1.2.3", False),
        ("0.2.5", "^0.2.3", True),
        ("0.3.0", "^0.2.3", False),
        ("0.0.3", "^0.0.3", True),
        ("0.0.4", "^0.0.3", False),
        ("0.0.4", "^0.0", True),
        ("0.1.4", "^0.0", False),
        ("0.9.4", "^0", True),
        ("1.0.0", "^0", False),
        ("2.0.0", "1.x || 2.x", True),
        ("3.0.0", "1.x || 2.x", False),
        ("1.5.0", ">1.2, <2", True),
        ("1.5.0", ">1.2 <1.4", False),
        ("11.1.0", ">11", False),
        ("12.0.0", ">11", True),
        ("11.1.0", "<=11", True),
        ("1.2.4", "=>1.2", True),
        ("1.4.9", "1.2 - 1.4", True),
        ("1.5.0", "1.2 - 1.4.5", False),
        ("1.2.3", "!=1.2.3", False),
        ("1.2.4", "!=1.2.3", True),
        ("1.2.4", "!=1.2", False),
        ("1.0.0-rc1", "*", False),
        ("1.0.0-rc1", "1.0.0-rc1", True),
        ("1.0.0-rc1", ">=1.0.0-0", True),
        ("1.0.0-rc.2", ">1.0.0-rc.10", False),
        ("1.0.0", ">1.0.0-rc1", True),
        ("1.0.0", "^1.0.0-0", True),
        ("no version", "*", False),
        ("1.0.0", "no range", False),
    ],
)
def test_a_version_fits_a_range_as_it_does_for_helm(version: str, wanted: str, expected: bool) -> None:  # noqa: FBT001
    assert fits(version, wanted) is expected
