"""What a project says about rules and paths: severity, excluded paths, further rules, outputs."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from osh_conformance.cli import main
from osh_conformance.config import path_patterns
from osh_conformance.config.levels import Level, Levels, RuleLevel
from osh_conformance.model.finding import Finding, Verdict
from tests.case_charts import case

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with two charts that break REF-2, one of them in `vendor`."""
    (tmp_path / ".git").mkdir()
    shutil.copytree(case("ref-2-latest"), tmp_path / "charts" / "api")
    shutil.copytree(case("ref-2-latest"), tmp_path / "vendor" / "cache")
    (tmp_path / "vendor" / "cache" / "Chart.yaml").write_text("apiVersion: v2\nname: cache\nversion: 1.0.0\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _configure(project: Path, text: str) -> None:
    (project / "osh-conformance.toml").write_text(text)


def _statuses(project: Path, *words: str) -> dict[str, str]:
    """Return the status of REF-2's finding of each chart."""
    file = project / "report.json"
    main(["check", ".", "--select", "REF-2", "--json", str(file), *words])
    return {found["chart"]: found["status"] for found in json.loads(file.read_text())["findings"]}


@pytest.mark.parametrize(
    ("text", "api", "cache"),
    [
        ("", "fail", "fail"),
        ('REF-2 = "warning"', "warning", "warning"),
        ('REF = "warning"', "warning", "warning"),
        ('ref-2 = "warning"', "warning", "warning"),
        ('REF-2 = "off"', None, None),
        ('REF-2 = "error"\nREF = "off"', "fail", "fail"),
        ('REF-2 = {"vendor" = "off"}', "fail", None),
        ('REF-2 = {"vendor/*/values.yaml" = "warning"}', "fail", "warning"),
        ('REF-2 = {"*" = "off", "vendor" = "error"}', None, "fail"),
        ('REF = {"vendor" = "off"}\nREF-2 = "warning"', "warning", "warning"),
        ('REF-2 = {"vendor" = "off", "vendor/cache" = "warning"}', "fail", "warning"),
        ('REF-2 = {"**/cache" = "off"}', "fail", None),
        ('REF-2 = {"cache" = "off"}', "fail", "fail"),
    ],
)
def test_a_rule_has_the_level_of_the_file(project: Path, text: str, api: str | None, cache: str | None) -> None:
    _configure(project, f"[severity]\n{text}\n")
    wanted = {chart: status for chart, status in (("ref-2-latest", api), ("cache", cache)) if status}
    assert _statuses(project) == wanted


def test_a_warning_can_be_made_an_error(project: Path) -> None:
    values = project / "charts" / "api" / "values.yaml"
    values.write_text(values.read_text().replace("docker.io/example/api:latest", "docker.io/rabbitmq:3.13.1"))
    check = ["check", "charts", "--select", "REF-1"]
    assert main(check) == 0
    _configure(project, '[severity]\nREF-1 = "error"\n')
    assert main(check) == 1


def test_a_rule_made_a_warning_fails_when_strict(project: Path) -> None:
    _configure(project, '[severity]\nREF-2 = "warning"\n')
    assert main(["check", "charts", "--select", "REF-2"]) == 0
    assert main(["check", "charts", "--select", "REF-2", "--strict"]) == 1


def test_a_rule_that_is_off_is_not_run(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _configure(project, '[severity]\nREF-2 = "off"\n')
    assert main(["check", "charts", "--select", "REF-1,REF-2"]) == 0
    assert "1 chart, 1 check: 1 passed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[severity]\nREF-99 = "off"', (":2: no rule `REF-99`: did you mean `REF-",)),
        ('[severity]\nREF-1 = "of"', (":2: `severity.REF-1`: no level `of`: did you mean `off`?", "error or warning")),
        ("[severity]\nREF-1 = 2", (":2: `severity.REF-1`: no level `2`",)),
        ('severity = "off"', (":1: `severity`: expected a table, got `str`",)),
        ("[outputs]\njson = 1", (":2: `outputs.json`: expected `str`, got `int`",)),
        ('[outputs]\njsn = "r.json"', (":2: `outputs.jsn`: no such output: did you mean `json`?",)),
        ("exclude = [1]", (":1: `exclude[0]`: expected `str`, got `int`",)),
        ('select = ""', (":1: `select` '': no name",)),
    ],
)
def test_a_wrong_entry_is_a_usage_error_with_its_line(
    project: Path, capsys: pytest.CaptureFixture[str], text: str, words: tuple[str, ...]
) -> None:
    _configure(project, text)
    assert main(["check", "charts"]) == 4
    err = capsys.readouterr().err
    assert all(word in err for word in words), err


def test_an_excluded_chart_is_not_checked_also_where_it_is_named(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _configure(project, 'exclude = ["vendor"]\n')
    assert _statuses(project) == {"ref-2-latest": "fail"}
    assert "1 of 2 charts not excluded" in capsys.readouterr().out
    assert main(["check", "vendor/cache/values.yaml"]) == 0
    assert "0 of 1 charts not excluded" in capsys.readouterr().out


def test_an_excluded_file_of_no_chart_is_no_error(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = project / "playbooks" / "templates" / "a.yaml"
    file.parent.mkdir(parents=True)
    file.write_text("")
    assert main(["check", "playbooks/templates/a.yaml", "--select", "REF-1"]) == 3
    assert "`exclude` in the configuration file" in capsys.readouterr().out
    _configure(project, 'exclude = "playbooks"\n')
    assert main(["check", "playbooks/templates/a.yaml", "charts/api/values.yaml", "--select", "REF-1"]) == 0


def test_the_command_line_excludes_relative_to_the_working_directory(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _configure(project, 'exclude = ["charts"]\n')
    monkeypatch.chdir(project / "vendor")
    assert main(["check", "cache", "--select", "REF-2", "--exclude", "cache"]) == 0
    assert main(["check", "cache", "--select", "REF-2", "--exclude", "vendor"]) == 1


def test_an_excluded_file_has_no_findings(project: Path) -> None:
    _configure(project, 'exclude = "**/values.yaml"\n')
    assert _statuses(project) == {}


def test_a_pattern_means_what_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "a[1]"
    folder.mkdir()
    pattern = path_patterns.absolute(folder, "x/*.yaml")
    assert path_patterns.matches(f"{folder}/x/v.yaml", [pattern])
    assert not path_patterns.matches(f"{tmp_path}/a1/x/v.yaml", [pattern])
    assert not path_patterns.matches(f"{folder}/x/v.yml", [pattern])
    assert path_patterns.matches(f"{folder}/y/z", [path_patterns.absolute(folder, "y/")])
    assert path_patterns.matches("/else/where", [path_patterns.absolute(folder, "/else")])


def test_further_rules_add_to_those_of_the_file(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _configure(project, 'select = ["REF-1"]\nignore = ["PP"]\n[severity]\nKEY-1 = "off"\n')
    assert main(["check", "charts"]) == 0
    assert "1 chart, 1 check:" in capsys.readouterr().out
    assert main(["check", "charts", "--extend-select", "REF-4,PP-1,KEY-1"]) == 0
    assert "1 chart, 4 checks:" in capsys.readouterr().out


def test_rules_that_the_command_line_ignores_stay_ignored(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _configure(project, 'select = ["REF-1"]\n')
    assert main(["check", "charts", "--extend-select", "REF", "--ignore", "REF-2,REF-3"]) == 0
    assert "1 chart, 2 checks:" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("REF-99", "--extend-select: no rule `REF-99`"),
        ("DROP-6", "--extend-select DROP-6: only `osh-conformance live` checks it"),
    ],
)
def test_a_wrong_further_rule_is_a_usage_error(
    capsys: pytest.CaptureFixture[str], project: Path, name: str, problem: str
) -> None:
    assert main(["check", str(project / "charts"), "--extend-select", name]) == 4
    assert problem in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--select", "--rule", "--ignore"])
@pytest.mark.parametrize("text", ["", " ", ",", " , "])
def test_a_selection_without_a_name_is_a_usage_error(
    capsys: pytest.CaptureFixture[str], project: Path, option: str, text: str
) -> None:
    assert main(["check", str(project / "charts"), option, text]) == 4
    assert "no name" in capsys.readouterr().err


def test_the_file_names_outputs_and_the_command_line_other_ones(project: Path) -> None:
    _configure(project, '[outputs]\njson = "out.json"\n')
    main(["check", "charts"])
    assert (project / "out.json").is_file()
    (project / "out.json").unlink()
    main(["check", "charts", "--json", "mine.json"])
    assert (project / "mine.json").is_file()
    assert not (project / "out.json").exists()


def test_a_single_text_is_a_list_of_one(project: Path) -> None:
    (project / "more.yaml").write_text("images:\n  api: docker.io/example/api:1.2.3\n")
    _configure(project, 'select = "REF-1,REF-2"\nvalues = "more.yaml"\n')
    assert main(["check", "charts"]) == 0


def test_the_file_names_a_flavor_and_overrides(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flavor = "name: own\nsummary: ours\nimages:\n  api: docker.io/example/api:{tag}\n"
    (project / "own.yaml").write_text(flavor.format(tag="1.2.3"))
    _configure(project, 'flavor-file = "own.yaml"\nselect = "REF-2"\n')
    assert main(["check", "charts"]) == 0, capsys.readouterr()
    (project / "mine").mkdir()
    (project / "mine" / "a.yaml").write_text("images:\n  api: docker.io/example/api:latest\n")
    _configure(project, 'overrides = "mine"\nselect = "REF-2"\n')
    assert main(["check", "charts", "--flavor-file", "own.yaml"]) == 1
    assert "mine/a.yaml:2" in capsys.readouterr().out


def test_check_takes_one_flavor_of_the_file(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _configure(project, 'flavor = ["kolla", "loci"]\n')
    assert main(["check", "charts"]) == 4
    assert ":1: `flavor` has 2 values, and `check` takes one" in capsys.readouterr().err


def test_the_file_that_a_finding_belongs_to_decides_and_not_the_one_that_it_points_to() -> None:
    finding = Finding(rule="HOOK-1", chart="api", found="a", expected="b", why="c", fix="d")
    verdict = Verdict.of("HOOK-1", [finding])
    for path, left in (("/tree/api", 0), ("/tree/library", 1)):
        off = RuleLevel(rules=frozenset(["HOOK-1"]), level=Level.OFF, path=path)
        graded = Levels(entries=(off,)).applied(verdict, lambda _: ("/tree/api/a.yaml", "/tree/library/b.tpl"))
        assert len(graded.findings) == left
