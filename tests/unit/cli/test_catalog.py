"""`--catalog FILE` without a PATH: all charts of the catalog, from a folder, a `.tgz` and a git commit."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest

from osh_conformance.charts.source import Reader
from osh_conformance.cli import main
from osh_conformance.folders import default_folders
from tests.case_charts import case
from tests.paths import KEYSTONE
from tests.unit.charts.repositories import chart, repository
from tests.unit.cli.reports import document_of

if TYPE_CHECKING:
    from pathlib import Path

_REF = "--select=REF-2,PP-1"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a repository, an archive, and a catalog of both; the working directory is another one."""
    monkeypatch.setenv("OSH_CONFORMANCE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    folder = tmp_path / "place"
    (folder / "upstream").mkdir(parents=True)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    commit = repository(folder / "upstream")
    (folder / "packed.tgz").write_bytes(Reader().read(case("ref-2-latest")).packed())
    (folder / "all.yaml").write_text(
        "osh_conformance_catalog: 1\ncharts:\n"
        f"- {{git: upstream, commit: {commit}, path: api}}\n"
        "- {path: packed.tgz}\n"
    )
    return folder


def _rewrite(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_charts_of_a_commit_and_an_archive_are_checked(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--catalog", str(place / "all.yaml"), _REF, "--json", str(tmp_path / "report.json")]) == 1
    out = capsys.readouterr().out
    assert f"FAIL REF-2  ref-2-latest  {place / 'packed.tgz'}/values.yaml:3" in out
    assert "2 charts, 4 checks: 3 passed, 1 failed" in out
    assert document_of(tmp_path / "report.json")["target"]["catalog"] == str(place / "all.yaml")  # type: ignore[index]


def test_a_finding_in_a_commit_has_its_path_in_the_repository_and_a_command_that_works(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "upstream" / "api" / "values.yaml").write_text("images:\n  pull_policy: Always\n  api: docker.io/a/b\n")
    commit = _committed(place)
    (place / "osh-conformance.toml").write_text("strict = true\n")
    assert main(["check", "--catalog", str(place / "all.yaml"), "--select", "REF-2"]) == 1
    out = capsys.readouterr().out
    chart = default_folders().charts / commit / "api"
    assert f"FAIL REF-2  api  {chart}/values.yaml:3  images.api" in out
    command = next(line for line in out.splitlines() if "reproduce" in line).partition("reproduce")[2]
    words = shlex.split(command)
    assert words[:3] == ["osh-conformance", "check", str(chart)]
    assert words[3:] == [
        *("--config", str(place / "osh-conformance.toml"), "--catalog", str(place / "all.yaml")),
        *("--strict", "--select", "REF-2"),
    ]
    assert main(words[1:]) == 1
    assert f"FAIL REF-2  api  {chart}/values.yaml:3  images.api" in capsys.readouterr().out


def _committed(place: Path) -> str:
    """Commit what changed in the repository, and name the commit in the catalog."""
    from tests.unit.charts.repositories import commit, git  # noqa: PLC0415  (used here only)

    old = git(place / "upstream", "rev-parse", "HEAD")
    new = commit(place / "upstream", "second")
    _rewrite(place / "all.yaml", old, new)
    return new


def test_the_deviations_of_an_entry_make_its_findings_expected(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "known.yaml").write_text(
        "osh_conformance_deviations: 1\ndeviations:\n- {rule: REF-2, reason: known upstream}\n"
    )
    _rewrite(place / "all.yaml", "packed.tgz}", "packed.tgz, deviations: known.yaml}")
    assert main(["check", "--catalog", str(place / "all.yaml"), _REF]) == 0
    out = capsys.readouterr().out
    assert "known upstream" in out
    assert "1 expected" in out


def test_a_deviation_of_an_entry_that_matches_nothing_is_reported(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "known.yaml").write_text(
        "osh_conformance_deviations: 1\ndeviations:\n- {rule: REF-2, reason: was so once}\n"
    )
    _rewrite(place / "all.yaml", "path: api}", "path: api, deviations: known.yaml}")
    assert main(["check", "--catalog", str(place / "all.yaml"), _REF]) == 1
    assert "a deviation that matches no finding: was so once" in capsys.readouterr().out


@pytest.mark.parametrize("verb", ["check", "plan", "live"])
def test_a_deviation_for_an_unknown_rule_is_a_usage_error_with_its_line(
    place: Path, verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "known.yaml").write_text("osh_conformance_deviations: 1\ndeviations:\n- reason: a\n  rule: REF-22\n")
    _rewrite(place / "all.yaml", "packed.tgz}", "packed.tgz, deviations: known.yaml}")
    assert main([verb, "--catalog", str(place / "all.yaml")]) == 4
    error = capsys.readouterr().err
    assert f"{place}/known.yaml:4: `deviations[0].rule`: no rule `REF-22`: did you mean `REF-2`?" in error


@pytest.mark.parametrize("verb", ["check", "plan", "live"])
def test_a_wrong_catalog_is_a_usage_error_of_each_verb_and_nothing_runs(
    place: Path, tmp_path: Path, verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _rewrite(place / "all.yaml", "path: api}", "path: api, needs: [ref-2-latst]}")
    assert main([verb, "--catalog", str(place / "all.yaml")]) == 4
    printed = capsys.readouterr()
    assert "all.yaml:3: `charts[0].needs[0]`" in printed.err
    assert "did you mean `ref-2-latest`?" in printed.err
    assert not printed.out
    assert not list((tmp_path / "cache" / "work").iterdir())


@pytest.mark.parametrize("verb", ["plan", "live"])
def test_a_live_run_needs_a_database_server(place: Path, verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    chart(place / "bare")
    (place / "all.yaml").write_text("osh_conformance_catalog: 1\ncharts:\n- path: bare\n  infrastructure: []\n")
    assert main([verb, "--catalog", str(place / "all.yaml")]) == 4
    error = capsys.readouterr().err
    assert "all.yaml:4: `charts[0].infrastructure`: bare has no `mariadb`" in error
    assert main(["check", "--catalog", str(place / "all.yaml"), "--select=REF-2"]) == 0


def test_a_plan_has_the_charts_of_the_catalog(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "all.yaml").write_text(
        f"osh_conformance_catalog: 1\ncharts:\n- {{path: '{KEYSTONE}', flavor: kolla, convention: reference}}\n"
    )
    assert main(["plan", "--catalog", str(place / "all.yaml")]) == 0
    assert any(line.split()[:2] == ["keystone", "kolla"] for line in capsys.readouterr().out.splitlines())


def test_options_may_stand_before_the_path(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--catalog", str(place / "all.yaml"), _REF, str(place / "packed.tgz")]) == 1
    assert "1 chart, 2 checks" in capsys.readouterr().out


def test_the_configuration_file_may_name_the_catalog(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "osh-conformance.toml").write_text('catalog = "all.yaml"\n')
    monkeypatch.chdir(place)
    assert main(["check", _REF]) == 1
    out = capsys.readouterr().out
    assert "2 charts" in out
    assert "reproduce  osh-conformance check packed.tgz --config" in out


@pytest.mark.parametrize("verb", ["check", "plan", "live"])
@pytest.mark.usefixtures("place")
def test_a_run_without_a_path_and_without_a_catalog_is_a_usage_error(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([verb]) == 4
    error = capsys.readouterr().err
    assert "PATH" in error
    assert "--catalog FILE" in error


def test_a_chart_at_a_commit_is_checked_with_since_too(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (place / "all.yaml").read_text().splitlines()
    (place / "all.yaml").write_text("\n".join(text[:3]) + "\n")
    assert main(["check", "--catalog", str(place / "all.yaml"), _REF, "--since", "main"]) == 0
    assert "1 chart, 2 checks: 2 passed" in capsys.readouterr().out
