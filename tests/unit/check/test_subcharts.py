"""Subcharts are judged once: in the chart that brings them, or as a chart of the run."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

import pytest

from osh_conformance.check.engine import StaticEngine
from osh_conformance.check.subcharts import with_subchart
from osh_conformance.config.engine_options import CheckOptions
from osh_conformance.model.finding import Status, Verdict

if TYPE_CHECKING:
    from pathlib import Path

    from osh_conformance.check.engine import Result

_POD = """kind: Pod
metadata: {{name: {name}}}
spec: {{containers: [{{name: main, image: "{{{{ .Values.images.{name} }}}}", imagePullPolicy: Always}}]}}
"""


def _files(name: str, reference: str, needs: str = "") -> dict[str, str]:
    return {
        "Chart.yaml": f"apiVersion: v2\nname: {name}\nversion: 1.0.0\ndependencies: [{needs}]\n",
        "values.yaml": f"images:\n  {name}: {reference}\n  pull_policy: Always\n",
        "templates/pod.yaml": _POD.format(name=name),
    }


def _write(folder: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


def _archive(file: Path, files: dict[str, str], top: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(file, "w:gz") as tar:
        for path, text in files.items():
            info = tarfile.TarInfo(f"{top}/{path}")
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))


def _results(*paths: Path, rule: str = "REF-2") -> dict[str, Result]:
    engine = StaticEngine(CheckOptions(paths=paths))
    return {target.label: engine.result(target, rule) for target in engine.targets}


def _places(result: Result) -> list[str]:
    assert result.verdict, result.failure
    return [finding.path for finding in result.verdict.findings]


@pytest.fixture(autouse=True)
def _in_the_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


_GOOD, _BAD = "quay.io/example/a:1.0.0", "quay.io/example/a:latest"


def test_an_archive_in_charts_is_judged_in_the_chart_that_brings_it(tmp_path: Path) -> None:
    chart = _write(tmp_path / "app", _files("app", _GOOD, "{name: db, version: 1.x}"))
    _archive(chart / "charts" / "db-1.0.0.tgz", _files("db", _BAD), "db")
    assert _places(_results(chart)["app"]) == ["app/charts/db-1.0.0.tgz/values.yaml"]


def test_a_broken_archive_is_one_error_and_the_neighbours_are_judged(tmp_path: Path) -> None:
    chart = _write(tmp_path / "app", _files("app", _GOOD, "{name: db, version: 1.x}"))
    _write(tmp_path / "other", _files("other", _BAD))
    (chart / "charts").mkdir()
    (chart / "charts" / "db-1.0.0.tgz").write_bytes(b"no archive")
    results = _results(tmp_path)
    error = results["app"].event.error
    assert error
    assert "db-1.0.0.tgz" in error.found
    assert _places(results["other"]) == ["other/values.yaml"]


def test_a_dependency_of_the_tree_is_judged_once(tmp_path: Path) -> None:
    _write(tmp_path / "app", _files("app", _GOOD, "{name: db, version: 1.x, repository: 'https://a'}"))
    _write(tmp_path / "db", _files("db", _BAD))
    both = _results(tmp_path)
    assert (_places(both["app"]), _places(both["db"])) == ([], ["db/values.yaml"])
    alone = _results(tmp_path / "app")
    assert _places(alone["app"]) == ["db/values.yaml"]


def test_a_subchart_gets_the_values_that_its_parent_gives_it(tmp_path: Path) -> None:
    chart = _write(tmp_path / "app", _files("app", _GOOD, "{name: db, version: 1.x}"))
    _write(chart / "charts" / "db", _files("db", _BAD))
    with (chart / "values.yaml").open("a") as values:
        values.write(f"db: {{images: {{db: '{_GOOD}'}}}}\n")
    assert _places(_results(chart)["app"]) == []


def test_a_subchart_that_does_not_render_switched_on_is_undecided(tmp_path: Path) -> None:
    chart = _write(tmp_path / "app", _files("app", _GOOD, "{name: db, version: 1.x, condition: db.enabled}"))
    with (chart / "values.yaml").open("a") as values:
        values.write("db: {enabled: false}\n")
    broken = _files("db", _GOOD) | {"templates/pod.yaml": '{{ fail "a password is required" }}'}
    _write(chart / "charts" / "db", broken)
    verdict = _results(chart)["app"].verdict
    assert verdict
    assert verdict.status is Status.UNDECIDED
    assert "the subchart db is not checked" in verdict.reason
    assert "a password is required" in verdict.reason


def test_an_undecided_subchart_does_not_hide_behind_a_pass() -> None:
    passes, unknown = {"X": Verdict.of("X", ())}, {"X": Verdict.undecided("X", "why")}
    nothing = {"X": Verdict.not_applicable("X", "no container")}
    assert with_subchart(passes, unknown, "db", "app")["X"].reason == "in the subchart db: why"
    assert with_subchart(nothing, passes, "db", "app")["X"].status is Status.PASS
    assert with_subchart(nothing, nothing, "db", "app")["X"].status is Status.NOT_APPLICABLE
