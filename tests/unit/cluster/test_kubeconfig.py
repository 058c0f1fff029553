"""The copy of a kubeconfig that a run works with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from osh_conformance.cluster.kubeconfig import single_context

if TYPE_CHECKING:
    from pathlib import Path


def test_a_copied_kubeconfig_has_exactly_one_context(tmp_path: Path) -> None:
    source = tmp_path / "config"
    source.write_text(
        yaml.safe_dump(
            {
                "contexts": [{"name": "a"}, {"name": "b"}],
                "current-context": "a",
                "clusters": [{"name": "b", "cluster": {"certificate-authority": "ca.crt"}}],
            }
        )
    )
    copied = yaml.safe_load(single_context(source, "b", tmp_path / "copy").read_text())
    assert (copied["current-context"], copied["contexts"]) == ("b", [{"name": "b"}])
    assert copied["clusters"][0]["cluster"]["certificate-authority"] == str(tmp_path / "ca.crt")
    assert (tmp_path / "copy").stat().st_mode & 0o077 == 0
