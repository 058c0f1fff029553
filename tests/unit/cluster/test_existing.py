"""A cluster that the suite did not create."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from osh_conformance.cluster import existing
from osh_conformance.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def kubeconfig(path: Path, *contexts: str) -> Path:
    entries = "".join(f"- {{name: {name}, context: {{cluster: {name}-cluster, user: u}}}}\n" for name in contexts)
    path.write_text(f"apiVersion: v1\ncurrent-context: {contexts[0]}\ncontexts:\n{entries}")
    return path


def test_a_foreign_cluster_needs_its_name_in_allow_cluster(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path / "config", "prod")
    with pytest.raises(UsageError, match="prod-cluster") as raised:
        existing.existing_cluster(path)
    assert "--allow-cluster prod-cluster" in str(raised.value)
    with pytest.raises(UsageError, match=r"--allow-cluster.*test"):
        existing.existing_cluster(path, allow_cluster="test")


def test_a_kubeconfig_with_several_contexts_needs_the_name_of_one(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path / "config", "one", "two")
    with pytest.raises(UsageError, match="2 contexts") as raised:
        existing.existing_cluster(path)
    assert "one, two" in str(raised.value)


@pytest.mark.parametrize("text", ["[", "a: b", "contexts: 1"])
def test_a_malformed_kubeconfig_is_a_usage_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(UsageError):
        existing.existing_cluster(path)
