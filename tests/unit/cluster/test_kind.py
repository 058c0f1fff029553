"""The configuration of a kind cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from osh_conformance.cluster import kind
from osh_conformance.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def test_the_api_server_listens_on_the_loopback_address_only(tmp_path: Path) -> None:
    path = tmp_path / "kind.yaml"
    path.write_text("kind: Cluster\nnetworking: {disableDefaultCNI: true}\nnodes: [{role: control-plane}]\n")
    config = kind.kind_config(path)
    assert config["networking"] == {"apiServerAddress": "127.0.0.1", "disableDefaultCNI": True}
    assert config["nodes"] == [{"role": "control-plane"}]


def test_a_configuration_that_is_not_a_mapping_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "kind.yaml"
    path.write_text("- a\n")
    with pytest.raises(UsageError, match=r"kind\.yaml: not a kind configuration"):
        kind.kind_config(path)
