"""Both rendering engines give the same containers, and helm sees no settings of the user."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from osh_conformance.charts.find import find_charts
from osh_conformance.charts.source import Reader, opened
from osh_conformance.errors import SuiteError
from osh_conformance.render.engines.choice import choose
from osh_conformance.render.engines.program import ProgramRenderer
from osh_conformance.render.parse import containers_of, documents_of
from tests.paths import CASES, CHARTS, FIELD
from tests.unit.helm_program import HELM, needs_helm

if TYPE_CHECKING:
    from collections.abc import Mapping


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


def test_the_error_output_of_helm_is_in_the_message(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="Error: no such function"):
        _fake(tmp_path, "echo 'Error: no such function' >&2; exit 1").render(tmp_path, {})


@needs_helm
@pytest.mark.parametrize(
    "name", sorted(path.parent.relative_to(CASES).as_posix() for path in CASES.glob("*/*/Chart.yaml"))
)
def test_both_renderers_find_the_same_containers(name: str) -> None:
    found = []
    for renderer in (choose("sdk"), choose("helm", Path(str(HELM)))):
        with opened(CASES / name) as source:
            containers = containers_of(renderer.render(source.folder, {"manifests": {"job_db_drop": True}}))
        # The order of the objects is the program's own, and a name may be random.
        same = (replace(container, document=0, occurrence=0, workload_name="") for container in containers)
        found.append(sorted(same, key=lambda container: (container.position, container.hook)))
    assert found[0] == found[1]


@needs_helm
def test_both_renderers_tell_templates_whether_it_is_an_upgrade(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text("apiVersion: v2\nname: asks\nversion: 1.0.0\n")
    template = "install: {{ .Release.IsInstall }}\nupgrade: {{ .Release.IsUpgrade }}\n"
    (tmp_path / "templates" / "release.yaml").write_text(template)
    for renderer in (choose("sdk"), choose("helm", Path(str(HELM)))):
        for upgrade in (False, True):
            (document,) = documents_of(renderer.render(tmp_path, {}, upgrade=upgrade))
            assert document.content == {"install": not upgrade, "upgrade": upgrade}


def _chart(folder: Path, template: str, text: str) -> Path:
    (folder / template).parent.mkdir(parents=True)
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: tried\nversion: 1.0.0\n")
    (folder / template).write_text(text)
    return folder


_OBJECT = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\n"
_HOOKED = "kind: Job\nmetadata: {{annotations: {{helm.sh/hook: {}}}}}\n"


@needs_helm
@pytest.mark.parametrize(
    ("template", "text", "count"),
    [
        ("one.tpl", _OBJECT, 1),
        ("one.yaml.tpl", _OBJECT, 1),
        ("one.json", '{\n\t"kind": "A",\n\t"metadata": {"name": "one"}\n}\n', 1),
        ("one", _OBJECT, 1),
        ("below/one.txt", _OBJECT, 1),
        ("_one.yaml", _OBJECT, 0),
        ("below/_one.tpl", _OBJECT, 0),
        ("_below/one.yaml", _OBJECT, 1),
        ("NOTES.txt", "Now: do: this", 0),
        ("below/NOTES.txt", "Now: do: this", 0),
        ("OTHER-NOTES.txt", "Now: do: this", 0),
        ("one.yaml", "\n  \n", 0),
        ("one.yaml", "# a comment\n", 0),
        ("one.yaml", f"{_OBJECT}---# what\n{_OBJECT}---   \n{_OBJECT}--- # what\n{_OBJECT}", 4),
        ("one.yaml", f"---\n---\n{_OBJECT}---\n# none\n---\n{_OBJECT}---\n", 2),
        ("one.yaml", f"---{_OBJECT}", 1),
        ("one.yaml", f"{_OBJECT}...\n{_OBJECT}", 1),
        ("one.yaml", f"{_OBJECT}...\n---\n{_OBJECT}", 2),
        ("one.yaml", f"{_OBJECT}data:\n  text: |\n    a\n    ---\n    b\n", 1),
        ("one.yaml", "---\r\nkind: A\r\n---\r\nkind: B\r\n", 2),
        ("one.yaml", "kind: A\nkind: B\n", 1),
        ("one.yaml", _HOOKED.format("pre-install"), 1),
        ("one.yaml", _HOOKED.format("'Post-Delete, test'"), 1),
        ("one.yaml", _HOOKED.format("crd-install"), 0),
        ("one.yaml", _HOOKED.format("'pre-install, later'"), 0),
        ("one.yaml", _HOOKED.format("''"), 0),
        ("one.yaml", "{}\n", 1),
    ],
)
def test_both_renderers_find_the_documents_that_helm_installs(
    tmp_path: Path, template: str, text: str, count: int
) -> None:
    chart = _chart(tmp_path / "chart", f"templates/{template}", text)
    found = [documents_of(renderer.render(chart, {})) for renderer in (choose("sdk"), choose("helm", Path(str(HELM))))]
    assert len(found[0]) == count
    assert [document.content for document in found[0]] == [document.content for document in found[1]]


@needs_helm
@pytest.mark.parametrize(
    "text",
    [
        "some text\n",
        "metadata: [a]\n",
        "metadata: {annotations: a}\n",
        "metadata: {annotations: {a: {b: c}}}\n",
        "---\n  kind: A\n  metadata: {}\n",
        "data: {null: 1}\n",
        "data: .inf\n",
        "a: [1\n",
        f"{_OBJECT}---\na: [1\n",
    ],
)
def test_both_renderers_refuse_the_documents_that_helm_refuses(tmp_path: Path, text: str) -> None:
    chart = _chart(tmp_path / "chart", "templates/one.yaml", text)
    for renderer in (choose("sdk"), choose("helm", Path(str(HELM)))):
        with pytest.raises(SuiteError):
            documents_of(renderer.render(chart, {}))


_REAL = [Path(folder) for folder in os.environ.get("OSH_CONFORMANCE_REAL_CHARTS", "").split(os.pathsep) if folder]
_ANYTHING = object()
_MOST_RENDERINGS = 20
_ALL = [chart for tree in (CASES, FIELD, CHARTS, *_REAL) for chart in find_charts(tree)]


@needs_helm
@pytest.mark.parametrize("chart", _ALL, ids=lambda chart: f"{chart.parent.name}-{chart.name}")
def test_both_renderers_give_the_same_documents(chart: Path, tmp_path: Path) -> None:
    """Trees named by OSH_CONFORMANCE_REAL_CHARTS are compared too."""
    files = Reader().read(chart, next((tree for tree in _REAL if chart.is_relative_to(tree)), None))
    if files.library:
        pytest.skip("a library chart renders nothing by itself")
    archive = tmp_path / "chart.tgz"
    archive.write_bytes(files.packed())
    sdk = choose("sdk")
    program = choose("helm", Path(str(HELM)))
    try:
        ours = _by_template(sdk.render(archive, {}))
    except SuiteError:
        assert not chart.is_relative_to(CHARTS)
        with pytest.raises(SuiteError):
            program.render(archive, {})
        return
    helms = _by_template(program.render(archive, {}))
    assert set(ours) == set(helms)
    # Sprig's `keys` has an order of its own each time, so two renderings may agree by chance.
    patterns = ours
    for _ in range(_MOST_RENDERINGS):
        again = _by_template(sdk.render(archive, {}))
        patterns = {name: _patterns(objects, again[name]) for name, objects in patterns.items()}
        wrong = {name for name, objects in patterns.items() if not _agree(objects, helms[name])}
        if not wrong:
            break
    assert wrong == set()
    random = sorted(name for name in ours if ours[name] != patterns[name])
    if random:
        print(f"{chart.name}: what renderings by one engine do not share is left out in {', '.join(random)}")


def _by_template(rendered: Mapping[str, str]) -> dict[str, list[Any]]:
    """The objects of each template that has any."""
    found: dict[str, list[Any]] = {}
    for document in documents_of(rendered):
        found.setdefault(document.template, []).append(_ended(document.content))
    return found


def _patterns(objects: list[Any], again: list[Any]) -> list[Any]:
    return [_pattern(one, other) for one, other in zip(objects, again, strict=True)]


def _pattern(one: Any, other: Any) -> Any:
    """What two renderings share; the rest is random: a name, a password, a certificate, a hash of them."""
    if isinstance(one, dict) and isinstance(other, dict) and set(one) == set(other):
        return {key: _pattern(value, other[key]) for key, value in one.items()}
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [_pattern(value, another) for value, another in zip(one, other, strict=True)]
    return one if one == other else _ANYTHING


def _agree(patterns: list[Any], objects: list[Any]) -> bool:
    """Whether each pattern fits an object of its own. Their order is no part of it: the program prints by kind."""
    left = list(objects)
    for pattern in patterns:
        fitting = next((found for found in left if _fits(pattern, found)), None)
        if fitting is None:
            return False
        left.remove(fitting)
    return not left


def _fits(pattern: Any, found: Any) -> bool:
    if pattern is _ANYTHING:
        return True
    if isinstance(pattern, dict) and isinstance(found, dict):
        return set(pattern) == set(found) and all(_fits(value, found[key]) for key, value in pattern.items())
    if isinstance(pattern, list) and isinstance(found, list):
        return len(pattern) == len(found) and all(map(_fits, pattern, found))
    return bool(pattern == found)


def test_different_renderings_do_not_compare_equal() -> None:
    patterns = _patterns([{"a": "x1", "b": 1}], [{"a": "x2", "b": 1}])
    assert _agree(patterns, [{"a": "x3", "b": 1}])
    assert not _agree(patterns, [{"a": "x3", "b": 2}])
    assert not _agree(patterns, [])
    assert not _agree(patterns, [{"a": "x3", "b": 1}, {"a": "x4", "b": 1}])


def _ended(content: Any) -> Any:
    """The program trims each document and ends it itself, which changes the line breaks that end its last text."""
    if isinstance(content, dict):
        return {str(key): _ended(value) for key, value in content.items()}
    if isinstance(content, list):
        return [_ended(value) for value in content]
    return content.rstrip("\n") if isinstance(content, str) else content
