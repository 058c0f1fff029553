"""Where findings point: to the line that an author edits, in the file that has it."""

from __future__ import annotations

import shutil
import textwrap
from pathlib import Path
from typing import Any

import pytest

from osh_conformance.cli import main
from tests.unit.cli.reports import document_of

_JOB = """\
{{- define "lib.job" }}
kind: Job
apiVersion: batch/v1
metadata:
  name: {{ .Chart.Name }}-{{ .task }}
  {{- if eq .task "db-drop" }}
  annotations:
    helm.sh/hook: pre-delete
    helm.sh/hook-delete-policy: hook-succeeded
  {{- end }}
spec:
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: {{ .task }}
          image: {{ index .Values.images.tags (.task | replace "-" "_") }}
          imagePullPolicy: {{ .Values.images.pull_policy }}
          command: [{{ .Chart.Name }}-manage]
{{- end }}
"""
_CALL = '{{{{ include "lib.job" (merge (dict "task" "{task}") .) }}}}\n'
_VALUES = """\
images:
  tags:
    db_init: quay.io/{name}/{name}:1.0.2
    db_drop: quay.io/{name}/{name}:1.0.2
  pull_policy: IfNotPresent
manifests:
  job_db_drop: false
"""


def _write(folder: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def _metadata(name: str, more: str = "") -> str:
    return f"apiVersion: v2\nname: {name}\nversion: 1.0.0\n{more}"


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with two charts whose Jobs a library renders, made the working directory."""
    charts = tmp_path / "charts"
    _write(charts / "lib", {"Chart.yaml": _metadata("lib", "type: library\n"), "templates/_job.tpl": _JOB})
    needs = "dependencies:\n- name: lib\n  version: 1.0.0\n  repository: file://../lib\n"
    for name in ("shop", "till"):
        drop = "{{- if .Values.manifests.job_db_drop }}\n" + _CALL.format(task="db-drop") + "{{- end }}\n"
        files = {
            "Chart.yaml": _metadata(name, needs),
            "values.yaml": _VALUES.format(name=name),
            "templates/job-db-init.yaml": _CALL.format(task="db-init"),
            "templates/job-db-drop.yaml": drop,
        }
        _write(charts / name, files)
    monkeypatch.chdir(tmp_path)
    return charts


def _findings(*arguments: str, rule: str) -> list[dict[str, Any]]:
    main(["check", *arguments, "--no-cache", "--json", "report.json"])
    found: Any = document_of(Path("report.json"))["findings"]
    return [finding for finding in found if finding["rule"] == rule]


def test_what_a_library_renders_points_to_the_line_in_the_library(tree: Path) -> None:
    first, second = _findings("charts", rule="HOOK-1")
    assert {(finding["path"], finding["line"]) for finding in (first, second)} == {("charts/lib/templates/_job.tpl", 9)}
    assert [finding["anchor"] for finding in (first, second)] == [
        "charts/shop/templates/job-db-drop.yaml",
        "charts/till/templates/job-db-drop.yaml",
    ]
    alone = _findings("charts/shop", rule="HOOK-1")[0]
    assert (alone["path"], alone["line"]) == ("charts/lib/templates/_job.tpl", 9)
    assert (alone["anchor"], alone["id"]) == ("charts/shop/templates/job-db-drop.yaml", first["id"])
    assert alone["cause"] == first["cause"]
    assert tree.is_dir()


@pytest.mark.parametrize("argument", ["charts", "charts/shop", "./charts/../charts/shop/", "{absolute}"])
def test_a_path_is_relative_to_the_working_directory_however_the_chart_is_named(
    tree: Path, tmp_path: Path, argument: str
) -> None:
    overrides = {"values_overrides/shop/a.yaml": "images: {tags: {db_init: quay.io/other/shop:latest}}\n"}
    _write(tree, overrides)
    arguments = (argument.format(absolute=tmp_path / "charts" / "shop"), "--overrides", "charts/values_overrides")
    found = [finding for finding in _findings(*arguments, rule="REF-2") if finding["chart"] == "shop"]
    assert {(finding["path"], finding["line"]) for finding in found} == {("charts/values_overrides/shop/a.yaml", 1)}
    assert all(Path(finding["path"]).is_file() for finding in found)
    assert document_of(Path("report.json"))["root"] == str(tmp_path)


def test_the_id_of_a_finding_is_the_same_from_every_working_directory(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {}
    for folder, argument in ((tmp_path, "charts"), (tree, "."), (tree / "shop", "."), (tree / "till", "../shop")):
        monkeypatch.chdir(folder)
        found = [each for each in _findings(argument, rule="HOOK-1") if each["chart"] == "shop"]
        assert all(Path(each["path"]).is_file() and Path(each["anchor"]).is_file() for each in found)
        known[folder] = [each["id"] for each in found]
        Path("report.json").unlink()
    assert len(known[tree]) == 1
    assert len({tuple(ids) for ids in known.values()}) == 1


@pytest.mark.parametrize(
    ("file", "text", "place"),
    [
        ("values.yaml", "images: [\n", "charts/shop/values.yaml:2: "),
        ("templates/x.yaml", "a: b\n{{ fail `on purpose` }}\n", "(charts/shop/templates/x.yaml:2:"),
        ("templates/x.yaml", "a: b\nc: [1\n", "charts/shop/templates/x.yaml:3: "),
    ],
)
def test_an_error_of_a_chart_names_the_file_from_the_working_directory(
    tree: Path, file: str, text: str, place: str
) -> None:
    (tree / "shop" / file).write_text(text)
    (error,) = _findings("charts", rule="")
    assert place in error["found"]
    (error,) = _findings("charts/shop", rule="")
    assert place in error["found"]


def test_a_path_outside_of_the_working_directory_is_absolute_where_the_user_wrote_it_so(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    (absolute,) = _findings(str(tree / "shop"), rule="HOOK-1")
    assert absolute["path"] == str(tree / "lib/templates/_job.tpl")
    (relative,) = _findings("../charts/shop", rule="HOOK-1")
    assert relative["path"] == "../charts/lib/templates/_job.tpl"
    assert relative["id"] == absolute["id"]


def test_a_chart_that_brings_the_library_along_names_its_copy(tree: Path) -> None:
    for name in ("shop", "till"):
        shutil.copytree(tree / "lib", tree / name / "charts" / "lib")
    first, second = _findings("charts", rule="HOOK-1")
    assert first["path"] == "charts/shop/charts/lib/templates/_job.tpl"
    assert second["path"] == "charts/till/charts/lib/templates/_job.tpl"
    assert first["line"] == second["line"] == 9
    assert first["cause"] == second["cause"]


def test_findings_of_one_cause_have_one_id_of_the_cause_and_an_id_of_their_own(tree: Path) -> None:
    hooks = _findings("charts", rule="HOOK-1")
    assert len({finding["id"] for finding in hooks}) == 2
    assert len({finding["cause"] for finding in hooks}) == 1
    assert hooks[0]["cause"] not in {finding["id"] for finding in hooks}
    deadlines = _findings("charts", rule="HOOK-2")
    assert len({finding["cause"] for finding in deadlines}) == 1
    assert deadlines[0]["cause"] != hooks[0]["cause"]
    assert tree.is_dir()


def test_one_reference_in_several_charts_is_one_cause(tree: Path) -> None:
    for name in ("shop", "till"):
        file = tree / name / "values.yaml"
        text = file.read_text().replace(f"quay.io/{name}/{name}:1.0.2", "quay.io/tools/db:latest", 1)
        file.write_text(text.replace(f"{name}/{name}:1.0.2", f"{name}/{name}:latest"))
    found = _findings("charts", rule="REF-2")
    by_reference: dict[str, set[str]] = {}
    for finding in found:
        by_reference.setdefault(finding["found"].split()[0], set()).add(finding["cause"])
    assert len(found) == 4
    assert [len(causes) for causes in by_reference.values()] == [1, 1, 1]
    assert len(set.union(*by_reference.values())) == 3


def test_a_finding_of_one_chart_is_its_own_cause(tree: Path) -> None:
    file = tree / "shop" / "values.yaml"
    file.write_text(file.read_text().replace("IfNotPresent", "Sometimes"))
    (found,) = _findings("charts", rule="PP-2")
    assert found["cause"] == found["id"]


_OVER = """\
# the operator's
images:
  pull_policy: Sometimes
  tags:
    db_init: quay.io/other/shop:latest
"""


def test_a_value_that_a_values_file_sets_points_to_that_file(tree: Path, tmp_path: Path) -> None:
    _write(tmp_path, {"first.yaml": _OVER, "ci/second.yaml": "images:\n  pull_policy: Never Ever\n"})
    arguments = ("charts/shop", "--values", "first.yaml", "--values", "ci/second.yaml")
    (policy,) = _findings(*arguments, rule="PP-2")
    assert (policy["path"], policy["line"], policy["anchor"]) == ("ci/second.yaml", 2, "charts/shop/values.yaml")
    (reference,) = _findings(*arguments, rule="REF-2")
    assert (reference["path"], reference["line"], reference["anchor"]) == ("first.yaml", 5, "charts/shop/values.yaml")
    file = tree / "shop" / "values.yaml"
    file.write_text(file.read_text().replace("quay.io/shop/shop:1.0.2", "quay.io/other/shop:latest", 1))
    (shipped,) = _findings("charts/shop", rule="REF-2")
    assert (shipped["path"], shipped["line"], shipped["anchor"]) == ("charts/shop/values.yaml", 3, "")
    assert shipped["id"] == reference["id"]


def test_a_value_that_a_catalog_sets_points_to_the_catalog(tree: Path) -> None:
    catalog = """\
    osh_conformance_catalog: 1
    charts:
      - path: till
      - path: shop
        values:
          images:
            tags:
              db_init: quay.io/other/shop:latest
    """
    _write(tree, {"catalog.yaml": textwrap.dedent(catalog)})
    (found,) = _findings("charts", rule="REF-2")
    assert (found["path"], found["line"], found["anchor"]) == ("charts/catalog.yaml", 8, "charts/shop/values.yaml")
    assert found["chart"] == "shop"


@pytest.mark.parametrize("file", ["_own.tpl", "job-db-drop.yaml"])
def test_an_opt_out_counts_in_the_template_and_in_the_partial_that_has_the_line(tree: Path, file: str) -> None:
    templates = tree / "shop" / "templates"
    (templates / "_own.tpl").write_text(_JOB.replace("lib.job", "own.job"))
    for job in templates.glob("*.yaml"):
        job.write_text(job.read_text().replace("lib.job", "own.job"))
    (before,) = _findings("charts/shop", rule="HOOK-1")
    assert (before["path"], before["line"], before["status"]) == ("charts/shop/templates/_own.tpl", 9, "fail")
    (templates / file).write_text(
        (templates / file).read_text() + "{{/* osh-conformance: ignore HOOK-1 old charts */}}\n"
    )
    (after,) = _findings("charts/shop", rule="HOOK-1")
    assert (after["id"], after["status"]) == (before["id"], "expected")
    assert before["cause"] == before["id"]
