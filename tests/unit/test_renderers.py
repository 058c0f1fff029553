"""Both renderers give the same containers; the program is kept away from the user's settings."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from osh_conformance.errors import SuiteError
from osh_conformance.render.engine import choose
from osh_conformance.render.manifests import containers_of
from osh_conformance.render.program import ProgramRenderer
from osh_conformance.render.source import opened

_MUTANTS = Path(__file__).parents[1] / "mutants" / "static"
_HELM = os.environ.get("OSH_CONFORMANCE_HELM") or shutil.which("helm")


def _fake(folder: Path, script: str) -> ProgramRenderer:
    program = folder / "helm"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return ProgramRenderer(str(program))


def test_documents_go_back_to_the_template_that_helm_names(tmp_path: Path) -> None:
    documents = ("x.yaml' 'kind: A'", "y.yaml' 'kind: B'", "x.yaml' 'kind: C'")
    words = " ".join(f"--- '# Source: a/templates/{document}" for document in documents)
    renderer = _fake(tmp_path, f"printf '%s\\n' {words}")
    rendered = renderer.render(tmp_path, {})
    assert list(rendered) == ["a/templates/x.yaml", "a/templates/y.yaml"]
    assert rendered["a/templates/x.yaml"].count("kind:") == 2


def test_the_program_sees_no_settings_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/users/kubeconfig")
    monkeypatch.setenv("HELM_PLUGINS", "/users/plugins")
    rendered = _fake(tmp_path, "echo '# Source: a/templates/env.yaml'; env").render(tmp_path, {})
    assert "/users" not in rendered["a/templates/env.yaml"]


def test_what_helm_says_of_a_failure_is_passed_on(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="does not render: Error: no such function"):
        _fake(tmp_path, "echo 'Error: no such function' >&2; exit 1").render(tmp_path, {})


@pytest.mark.skipif(not _HELM, reason="no helm program: `osh-conformance setup` provides one")
@pytest.mark.parametrize("name", sorted(path.parent.name for path in _MUTANTS.glob("*/Chart.yaml")))
def test_both_renderers_see_the_same_containers(name: str) -> None:
    found = []
    for renderer in (choose("sdk"), choose("helm", Path(str(_HELM)))):
        with opened(_MUTANTS / name) as source:
            containers = containers_of(renderer.render(source.folder, {"manifests": {"job_db_drop": True}}))
        found.append(sorted(containers, key=lambda container: (container.position, container.workload_name)))
    assert found[0] == found[1]
