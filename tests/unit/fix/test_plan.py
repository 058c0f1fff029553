"""A repair is made only where a rendering shows that it removes its finding, and nothing else changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from osh_conformance.check.engine import StaticEngine
from osh_conformance.config.engine_options import CheckOptions
from osh_conformance.fix.plan import _Planner
from osh_conformance.fix.run import planned, written
from osh_conformance.model.repair import Edit, Repair
from osh_conformance.repairs import registry
from osh_conformance.repairs.problem import Problem, UncertainError
from tests.unit.repairs.charts import VALUES, container, deployment, fix, plan, reasons, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_SHORT = "images:\n  pull_policy: IfNotPresent\n  api: example/api:1.2.3\n"


@pytest.fixture
def repairing(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Replace the repair of REF-1 by one that puts a text in the place of another one in the file."""
    registry.repairs()

    def use(old: str, new: str) -> None:
        def wrong(problem: Problem) -> Repair:
            start = problem.source.text.index(old)
            edit = problem.source.edit(start, start + len(old), new)
            return Repair(findings=(problem.finding,), edits=(edit,))

        monkeypatch.setitem(registry._repairs, "REF-1", wrong)

    return use


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("example/api", "example/web", "with the edit REF-1 would still be found at values.yaml images.api"),
        ("example/api:1.2.3", "docker.io/example/api", "with the edit REF-2 would be found at values.yaml images.api"),
        ("example/api:1.2.3", "[", "with the edit the chart does not render"),
        ("  pull_policy: IfNotPresent\n  api: e", "  pull_policy: Sometimes\n  api: docker.io/e", "with the edit PP-2"),
    ],
)
def test_a_repair_that_does_not_hold_is_not_made(
    tmp_path: Path, repairing: Callable[[str, str], None], old: str, new: str, reason: str
) -> None:
    chart = write(tmp_path, {"values.yaml": _SHORT})
    repairing(old, new)
    outcome = written(plan(chart))
    assert len(outcome.refusals) == 1
    assert reasons(outcome)[0].startswith(reason)
    assert (chart / "values.yaml").read_text() == _SHORT


def test_a_repair_that_takes_an_object_away_is_not_made(tmp_path: Path, repairing: Callable[[str, str], None]) -> None:
    more = "{{- if .Values.more }}\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: more\n{{- end }}\n"
    text = "more: true\n" + _SHORT
    chart = write(tmp_path, {"values.yaml": text, "templates/more.yaml": more})
    repairing(text, text.replace("true", "false").replace("example", "docker.io/example"))
    assert reasons(plan(chart)) == ["the edit would change ConfigMap/more too"]


@pytest.mark.parametrize("wrong", ["a", "d", "e"])
def test_of_several_repairs_those_that_hold_are_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    """The wrong one fails alone, whether it is tried first or last."""
    names = ("a", "b", "c", "d", "e")
    values = "images:\n  pull_policy: IfNotPresent\n" + "".join(f"  {name}: example/{name}:1.2.3\n" for name in names)
    chart = write(
        tmp_path,
        {"values.yaml": values, "templates/api.yaml": deployment(*(container(name, name) for name in names))},
    )
    right = registry.repairs()["REF-1"]
    written_so = f"example/{wrong}:1.2.3"

    def sometimes(problem: Problem) -> Repair:
        if problem.finding.key != f"images.{wrong}":
            return right(problem)
        start = problem.source.text.index(written_so)
        edit = problem.source.edit(start, start + len(written_so), f"docker.io/example/{wrong}")
        return Repair(findings=(problem.finding,), edits=(edit,))

    monkeypatch.setitem(registry._repairs, "REF-1", sometimes)
    outcome = fix(chart, "REF-1")
    assert reasons(outcome) == [f"with the edit REF-2 would be found at values.yaml images.{wrong}"]
    fixed = values.replace("example", "docker.io/example").replace(f"docker.io/{written_so}", written_so)
    assert (chart / "values.yaml").read_text() == fixed


def test_edits_that_overlap_are_not_both_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = _SHORT + "  web: example/web:1.2.3\n"
    files = {"values.yaml": values, "templates/api.yaml": deployment(container(), container("web", "web"))}
    chart = write(tmp_path, files)

    def both(problem: Problem) -> Repair:
        start = problem.source.text.index("example/api")
        end = problem.source.text.index("example/web") + len("example/web")
        whole = problem.source.text[start:end].replace("example", "docker.io/example")
        return Repair(findings=(problem.finding,), edits=(problem.source.edit(start, end, whole),))

    monkeypatch.setitem(registry._repairs, "REF-1", both)
    outcome = written(plan(chart, "REF-1"))
    assert (chart / "values.yaml").read_text() == values.replace("example", "docker.io/example")
    assert len(outcome.repairs) == 1


def test_two_insertions_at_one_place_overlap(tmp_path: Path) -> None:
    """What should come first would be a guess."""
    engine = StaticEngine(CheckOptions(paths=(write(tmp_path, {"values.yaml": _SHORT}),)))
    planner = _Planner(engine, engine.targets[0])
    (finding,) = engine.unmarked(engine.targets[0], "REF-1").findings
    one, two = (
        Repair(findings=(finding,), edits=(Edit(path="values.yaml", start=0, old=b"", new=new),))
        for new in (b"#a", b"#b")
    )
    with pytest.raises(UncertainError, match="overlaps that of REF-1"):
        planner._check(two, [one])


def test_a_repair_that_is_refused_changes_no_other_chart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = write(tmp_path / "a", {"values.yaml": _SHORT})
    second = write(tmp_path / "b", {"values.yaml": _SHORT, "Chart.yaml": "apiVersion: v2\nname: b\nversion: 1.0.0\n"})
    right = registry.repairs()["REF-1"]

    def sometimes(problem: Problem) -> Repair:
        if problem.chart.name == "b":
            raise UncertainError("of the name")
        return right(problem)

    monkeypatch.setitem(registry._repairs, "REF-1", sometimes)
    fix(tmp_path, "REF-1")
    assert "docker.io/example" in (first / "values.yaml").read_text()
    assert (second / "values.yaml").read_text() == _SHORT


def test_a_rule_that_the_run_does_not_check_repairs_nothing(tmp_path: Path) -> None:
    chart = write(tmp_path, {"values.yaml": _SHORT})
    outcome = plan(chart, "REF-4", "PP")
    assert not outcome.changes
    assert not outcome.refusals


@pytest.mark.parametrize("expected", ["opt-out", "deviation"])
def test_an_expected_finding_stays(tmp_path: Path, expected: str) -> None:
    comment = "  # osh-conformance: ignore REF-1 our registry is the default one\n" if expected == "opt-out" else ""
    values = _SHORT.replace("  api:", f"{comment}  api:")
    chart = write(tmp_path, {"values.yaml": values})
    file = tmp_path / "deviations.yaml"
    file.write_text(
        "osh_conformance_deviations: 1\ndeviations:\n  - rule: REF-1\n    chart: chart\n    reason: known\n"
    )
    deviations = (file,) if expected == "deviation" else ()
    outcome = planned(StaticEngine(CheckOptions(paths=(chart,), deviations=deviations)))
    assert not outcome.changes
    assert not outcome.refusals


def test_a_value_of_another_file_stays(tmp_path: Path) -> None:
    """The finding is about the user's file, and values.yaml has another text."""
    chart = write(tmp_path, {})
    values = {"images": {"api": "example/api:2.0.0"}}
    outcome = planned(StaticEngine(CheckOptions(paths=(chart,), values=values, select=("REF-1",))))
    assert reasons(outcome) == ["the file has another text there"]
    assert (chart / "values.yaml").read_text() == VALUES


def test_a_file_that_fails_stops_no_other_one(tmp_path: Path) -> None:
    names = ("a", "b", "c")
    for name in names:
        metadata = f"apiVersion: v2\nname: {name}\nversion: 1.0.0\n"
        write(tmp_path / name, {"values.yaml": _SHORT, "Chart.yaml": metadata})
    outcome = plan(tmp_path, "REF-1")
    changed = tmp_path / "b" / "chart" / "values.yaml"
    changed.write_text(_SHORT + "# of somebody else\n")
    done = written(outcome)
    assert [str(error).splitlines()[0] for error in done.errors] == [
        f"cannot write {changed}: it was changed while it was fixed"
    ]
    assert changed.read_text() == _SHORT + "# of somebody else\n"
    assert {each.repair.findings[0].chart for each in done.repairs} == {"a", "c"}
    for name in ("a", "c"):
        assert "docker.io/example" in (tmp_path / name / "chart" / "values.yaml").read_text()
