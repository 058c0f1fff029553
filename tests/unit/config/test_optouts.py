"""Opt-outs: comments in a chart that expect a finding."""

from __future__ import annotations

import shutil
import tarfile
from typing import TYPE_CHECKING

import pytest

from osh_conformance.charts.target import ChartTarget
from osh_conformance.cli import main
from osh_conformance.config import optouts
from osh_conformance.errors import SuiteError
from tests.case_charts import case

if TYPE_CHECKING:
    from pathlib import Path

    from osh_conformance.config.optouts import OptOut


def _chart(tmp_path: Path, name: str = "ref-2-latest") -> Path:
    return shutil.copytree(case(name), tmp_path / name)


def _values(tmp_path: Path, text: str) -> list[tuple[tuple[str, ...], str, str]]:
    (tmp_path / "values.yaml").write_text(text)
    return [(entry.keys, entry.rule, entry.problem) for entry in _read(tmp_path)]


def _read(chart: Path) -> tuple[OptOut, ...]:
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: chart\nversion: 1.0.0\n")
    return optouts.read(ChartTarget(name="chart", label="chart", path=chart))


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("images:\n  api: x # osh-conformance: ignore REF-2 vendor\n", ("images.api",)),
        ("images:\n  # osh-conformance: ignore REF-2 vendor\n  # more words\n  api: x\n", ("images.api",)),
        ("# osh-conformance: ignore REF-2 vendor\nimages:\n  api: x\n", ("images",)),
        ("# osh-conformance: ignore REF-2 vendor\n\nimages:\n  api: x\n", ()),
        ("images:\n  api: x\n# osh-conformance: ignore REF-2 vendor\n", ()),
        ("images: {api: x, db: y}  # osh-conformance: ignore REF-2 vendor\n", ("images", "images.api", "images.db")),
        ("a:\n  list:\n  - x\n  - y # osh-conformance: ignore REF-2 vendor\n", ("a.list",)),
    ],
)
def test_a_comment_in_values_covers_its_key_or_file(tmp_path: Path, text: str, keys: tuple[str, ...]) -> None:
    assert _values(tmp_path, text) == [(keys, "REF-2", "")]


@pytest.mark.parametrize(
    "comment",
    [
        "# osh-conformance: ignore PP-1 why not",
        "{{/* osh-conformance: ignore PP-1 why not */}}",
        "{{- /* osh-conformance: ignore PP-1 why not */ -}}",
    ],
)
def test_a_comment_in_a_template_covers_the_template(tmp_path: Path, comment: str) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "a.yaml").write_text(f"a: b\n{comment}\n")
    (entry,) = _read(tmp_path)
    assert (entry.rule, entry.reason, entry.path, entry.line) == ("PP-1", "why not", "templates/a.yaml", 2)


def test_one_comment_may_name_several_rules(tmp_path: Path) -> None:
    found = _values(tmp_path, "# osh-conformance: ignore ref-1,REF-2 vendor\na: 1\n")
    assert [rule for _, rule, _ in found] == ["REF-1", "REF-2"]


@pytest.mark.parametrize(
    ("comment", "words"),
    [
        ("ignore REF-2", ("REF-2", "reason")),
        ("ignore RFE-2 vendor", ("`RFE-2`", "`REF-2`")),
        ("ignroe REF-2 vendor", ("ignroe", "`ignore`")),
        ("ignore REF-1 REF-2 vendor", ("no comma between REF-1 and REF-2",)),
        ("ignore REF-2 REF-1 vendor", ("no comma between REF-2 and REF-1",)),
        ("ignore REF-1,REF-2 ref-3", ("no comma between REF-2 and REF-3",)),
        ("ignore REF-2:  vendor", ("no rule `REF-2:`", "`REF-2`")),
        ("ignore REF-2   ", ("REF-2", "reason")),
        ("ignore REF-2,", ("the opt-out of REF-2 gives no reason",)),
        ("ignore ,REF-2 vendor", ("a rule is missing",)),
        ("ignore", ("a rule is missing",)),
    ],
)
def test_a_wrong_comment_is_an_error_and_covers_nothing(
    tmp_path: Path, comment: str, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    chart = _chart(tmp_path)
    values = chart / "values.yaml"
    values.write_text(values.read_text().replace(":latest", f":latest # osh-conformance: {comment}"))
    assert main(["check", str(chart), "--select", "REF-2"]) == 3
    out = capsys.readouterr().out
    assert "ERROR" in out
    assert all(word in out for word in ("values.yaml:3", *words))


def test_a_comment_without_its_colon_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chart = _chart(tmp_path)
    values = chart / "values.yaml"
    values.write_text(values.read_text().replace(":latest", ":latest # osh-conformance ignore REF-2 because"))
    assert main(["check", str(chart), "--select", "REF-2"]) == 3
    assert "values.yaml:3: no colon after `osh-conformance`" in capsys.readouterr().out


@pytest.mark.parametrize(
    "text", ["# osh-conformance checks this\n", "# osh-conformance ignores it\n", "# see osh-conformance.invalid\n"]
)
def test_prose_is_no_opt_out(tmp_path: Path, text: str) -> None:
    assert _values(tmp_path, f"{text}a: 1\n") == []


@pytest.mark.parametrize(
    "comment", ["osh-conformance : ignore REF-1,REF-2 v", "osh-conformance: ignore REF-1 , REF-2 v"]
)
def test_spaces_around_the_signs_of_a_comment_do_not_matter(tmp_path: Path, comment: str) -> None:
    found = _values(tmp_path, f"# {comment}\na: 1\n")
    assert [(rule, problem) for _, rule, problem in found] == [("REF-1", ""), ("REF-2", "")]


def test_a_slip_in_an_override_beside_the_chart_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chart = shutil.copytree(case("clean-tags"), tmp_path / "clean-tags")
    override = tmp_path / "values_overrides" / "clean-tags" / "a.yaml"
    override.parent.mkdir(parents=True)
    override.write_text("images:\n  tags:\n    api: docker.io/x/y:latest  # osh-conformance: ignore REF-2\n")
    assert main(["check", str(chart), "--select", "REF-2"]) == 3
    assert "values_overrides/clean-tags/a.yaml:3: the opt-out of REF-2 gives no reason" in capsys.readouterr().out


def test_an_opt_out_is_shown_as_expected_with_its_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    chart = _chart(tmp_path)
    monkeypatch.chdir(chart)
    values = chart / "values.yaml"
    values.write_text(values.read_text().replace(":latest", ":latest # osh-conformance: ignore REF-2 vendor"))
    assert main(["check", str(chart), "--select", "REF-1,REF-2"]) == 0
    out = capsys.readouterr().out
    assert "XFAIL REF-2  ref-2-latest  values.yaml:3  images.api: vendor (values.yaml:3)" in out
    assert "1 passed, 1 expected" in out


def test_an_opt_out_in_a_template_covers_that_template(tmp_path: Path) -> None:
    chart = _chart(tmp_path, "pp-1-hook")
    template = chart / "templates" / "job.yaml"
    template.write_text(f"{{{{/* osh-conformance: ignore PP-1 vendor */}}}}\n{template.read_text()}")
    assert main(["check", str(chart), "--select", "PP-1"]) == 0


def test_a_packaged_chart_has_its_opt_outs(tmp_path: Path) -> None:
    chart = _chart(tmp_path)
    values = chart / "values.yaml"
    values.write_text(values.read_text().replace(":latest", ":latest # osh-conformance: ignore REF-2 vendor"))
    archive = tmp_path / "ref-2-latest-0.1.0.tgz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(chart, "ref-2-latest")
    assert main(["check", str(archive), "--select", "REF-2"]) == 0


def test_a_stale_opt_out_is_reported_with_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    chart = _chart(tmp_path)
    monkeypatch.chdir(chart)
    values = chart / "values.yaml"
    values.write_text(values.read_text().replace(":latest", ":1.2.3 # osh-conformance: ignore REF-2 vendor"))
    assert main(["check", str(chart), "--select", "REF-2"]) == 0
    out = capsys.readouterr().out
    assert "WARN REF-2  ref-2-latest  values.yaml:3" in out
    assert "vendor" in out
    assert main(["check", str(chart), "--select", "REF-1"]) == 0
    assert "opt-out" not in capsys.readouterr().out, "REF-2 did not run, so its opt-out is not stale"


def test_an_opt_out_behind_a_link_out_of_the_tree_is_not_read(tmp_path: Path) -> None:
    outside = tmp_path / "outside.yaml"
    outside.write_text("# osh-conformance: ignore REF-2 vendor\n")
    chart = tmp_path / "tree" / "chart"
    chart.mkdir(parents=True)
    (chart / "values.yaml").symlink_to(outside)
    with pytest.raises(SuiteError, match="outside of the chart"):
        _read(chart)


def test_an_override_that_helm_ignores_has_its_opt_outs(tmp_path: Path) -> None:
    (tmp_path / ".helmignore").write_text("values_overrides\n")
    (tmp_path / "values_overrides").mkdir()
    text = "images:\n  tags:\n    api: x # osh-conformance: ignore REF-2 vendor\n"
    (tmp_path / "values_overrides" / "a.yaml").write_text(text)
    (entry,) = _read(tmp_path)
    assert (entry.path, entry.keys) == ("values_overrides/a.yaml", ("images.tags.api",))
