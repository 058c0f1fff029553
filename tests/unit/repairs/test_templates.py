"""Repairs in templates: PP-1 names the declared policy, HOOK-1 and HOOK-2 complete the drop Job."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.repairs.charts import DECLARED, container, deployment, fix, reasons, write

if TYPE_CHECKING:
    from pathlib import Path

_VALUES = """\
images:
  pull_policy: IfNotPresent
  db_drop: docker.io/example/client:1.2.3
manifests:
  job_db_drop: true
"""
_JOB = """\
{{- if .Values.manifests.job_db_drop }}
apiVersion: batch/v1
kind: Job
metadata:
  name: example-db-drop
  annotations:
    # Helm runs it
    "helm.sh/hook": pre-delete
    "helm.sh/hook-delete-policy": before-hook-creation,hook-succeeded
spec:
  activeDeadlineSeconds: 240
  backoffLimit: 2
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: db-drop
          image: {{ .Values.images.db_drop }}
          imagePullPolicy: {{ .Values.images.pull_policy }}
          command: [python3, -c, "import os; drop(os.environ['DB'])"]
{{- end }}
"""
_POLICY = '    "helm.sh/hook-delete-policy": before-hook-creation,hook-succeeded\n'
_DEADLINE = "  activeDeadlineSeconds: 240\n"


def _job(place: Path, text: str, **more: str) -> Path:
    return write(place, {"values.yaml": _VALUES, "templates/api.yaml": text, **more})


def _text(chart: Path) -> str:
    return (chart / "templates" / "api.yaml").read_bytes().decode()


# -- PP-1 --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "fixed"),
    [
        ("Always", DECLARED),
        ('"Always"', f'"{DECLARED}"'),
        ("'Never'  # at once", f"'{DECLARED}'  # at once"),
        ("IfNotPresent # as shipped", f"{DECLARED} # as shipped"),
    ],
)
def test_a_literal_policy_becomes_the_declared_one(tmp_path: Path, written: str, fixed: str) -> None:
    text = deployment(container(policy=written), container("other"))
    chart = write(tmp_path, {"templates/api.yaml": text})
    fix(chart, "PP-1")
    assert _text(chart) == text.replace(written, fixed)


@pytest.mark.parametrize(
    ("before", "after", "root"),
    [("{{- if .Values.images }}\n", "{{- end }}\n", ""), ("{{- with .Values.images }}\n", "{{- end }}\n", "$")],
)
def test_a_policy_in_a_block_is_named_from_the_top_where_the_dot_is_another(
    tmp_path: Path, before: str, after: str, root: str
) -> None:
    text = before + deployment(container(policy="Always").replace(".Values", "$.Values")) + after
    chart = write(tmp_path, {"templates/api.yaml": text})
    fix(chart, "PP-1")
    assert _text(chart) == text.replace("Always", f"{{{{ {root}.Values.images.pull_policy }}}}")


def test_a_policy_in_a_define_stays(tmp_path: Path) -> None:
    define = '{{- define "api" }}\n' + deployment(container(policy="Always")) + "{{- end }}\n"
    files = {"templates/_api.tpl": define, "templates/api.yaml": '{{ include "api" . }}\n'}
    chart = write(tmp_path, files)
    assert reasons(fix(chart, "PP-1")) == ["the line is in a define, and its callers decide what the dot is there"]
    assert (chart / "templates/_api.tpl").read_text() == define


def test_a_policy_of_another_value_stays(tmp_path: Path) -> None:
    text = deployment(container(policy='{{ default "Always" .Values.policy }}'))
    chart = write(tmp_path, {"templates/api.yaml": text})
    assert reasons(fix(chart, "PP-1")) == ["the line has no literal policy"]
    assert _text(chart) == text


def test_without_a_declared_policy_nothing_is_written(tmp_path: Path) -> None:
    text = deployment(container(policy="Always"), container("other", policy="Never"))
    values = "images:\n  api: docker.io/example/api:1.2.3\n"
    chart = write(tmp_path, {"values.yaml": values, "templates/api.yaml": text})
    assert set(reasons(fix(chart, "PP-1"))) == {"no pull policy is declared"}


def test_a_template_with_the_line_ends_of_windows_keeps_them(tmp_path: Path) -> None:
    text = deployment(container(policy="Always")).replace("\n", "\r\n")
    chart = write(tmp_path, {"templates/api.yaml": text.encode()})
    fix(chart, "PP-1")
    assert _text(chart) == text.replace("Always", DECLARED)


_SILENT = "        - name: api\n          image: {{ .Values.images.api }}\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (_SILENT, _SILENT + f"          imagePullPolicy: {DECLARED}\n"),
        (
            _SILENT.replace("api }}\n", 'api | quote }}  # ours\n          args: ["{{ .Values.x }}"]\n'),
            _SILENT.replace(
                "api }}\n",
                "api | quote }}  # ours\n"
                f'          imagePullPolicy: {DECLARED}\n          args: ["{{{{ .Values.x }}}}"]\n',
            ),
        ),
        (
            "        -   image: docker.io/example/a:1.2\n            name: api\n",
            "        -   image: docker.io/example/a:1.2\n            imagePullPolicy: POLICY\n            name: api\n",
        ),
    ],
)
def test_a_missing_policy_is_written_below_the_image(tmp_path: Path, before: str, after: str) -> None:
    chart = write(tmp_path, {"templates/api.yaml": deployment(before, container("other"))})
    fix(chart, "PP-1")
    assert _text(chart) == deployment(after.replace("POLICY", DECLARED), container("other"))


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (
            _SILENT + "          {{- if .Values.x }}\n          imagePullPolicy: Never\n          {{- end }}\n",
            "the template may print a policy under a condition",
        ),
        (_SILENT + '          {{- include "more" . }}\n', "the line has no literal policy"),
        (_SILENT.replace("{{ .Values.images.api }}", "{{\n .Values.images.api }}"), "the image is not on one line"),
        (_SILENT.replace("api }}\n", "api -}}\n"), "the image is not on one line"),
        (_SILENT.replace("{{ .Values", ">-\n            {{ .Values"), "the line is not certain"),
    ],
)
def test_a_missing_policy_stays_where_the_template_may_print_one(tmp_path: Path, entry: str, reason: str) -> None:
    more = '{{- define "more" }}{{ if .Values.x }}\n          imagePullPolicy: Never\n{{ end }}{{ end }}\n'
    text = deployment(container("other"), entry)
    chart = write(tmp_path, {"templates/api.yaml": text, "templates/_more.tpl": more})
    assert reasons(fix(chart, "PP-1")) == [reason]
    assert _text(chart) == text


# -- HOOK-1 ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "fixed"),
    [
        ("hook-succeeded", "before-hook-creation,hook-succeeded"),
        ("hook-failed", "before-hook-creation,hook-failed,hook-succeeded"),
        ("before-hook-creation  # again", "before-hook-creation,hook-succeeded  # again"),
        ("'hook-succeeded, hook-failed'", "'before-hook-creation,hook-succeeded,hook-failed'"),
    ],
)
def test_a_delete_policy_gets_what_it_lacks(tmp_path: Path, written: str, fixed: str) -> None:
    text = _JOB.replace("before-hook-creation,hook-succeeded", written)
    chart = _job(tmp_path, text)
    fix(chart, "HOOK-1")
    assert _text(chart) == text.replace(written, fixed)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_missing_delete_policy_is_written_below_the_hook(tmp_path: Path, end: str) -> None:
    chart = _job(tmp_path, _JOB.replace(_POLICY, "").replace("\n", end))
    fix(chart, "HOOK-1")
    assert _text(chart) == _JOB.replace("\n", end)


def test_a_delete_policy_under_a_condition_stays(tmp_path: Path) -> None:
    text = _JOB.replace(_POLICY, "{{- if .Values.keep }}\n" + _POLICY + "{{- end }}\n")
    chart = _job(tmp_path, text)
    assert reasons(fix(chart, "HOOK-1")) == ["the template may print a delete policy under a condition"]
    assert _text(chart) == text


def test_a_delete_policy_that_a_define_may_print_is_not_written_twice(tmp_path: Path) -> None:
    define = '{{- define "more" }}\n{{- if .Values.keep }}\n' + _POLICY + "{{- end }}\n{{- end }}\n"
    text = _JOB.replace(_POLICY, '    {{- include "more" . }}\n')
    chart = _job(tmp_path, text, **{"templates/_more.tpl": define})
    assert reasons(fix(chart, "HOOK-1")) == ["the template may print a delete policy under a condition"]


def test_a_computed_delete_policy_stays(tmp_path: Path) -> None:
    text = _JOB.replace("before-hook-creation,hook-succeeded", "{{ .Values.policy | default `hook-succeeded` }}")
    chart = _job(tmp_path, text)
    assert reasons(fix(chart, "HOOK-1")) == ["the delete policy is no literal text"]
    assert _text(chart) == text


def test_another_event_of_a_hook_stays(tmp_path: Path) -> None:
    chart = _job(tmp_path, _JOB.replace("pre-delete", "post-delete"))
    assert reasons(fix(chart, "HOOK-1")) == ["only the delete policy of a hook has a mechanical repair"]


# -- HOOK-2 ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_missing_deadline_is_written_below_spec(tmp_path: Path, end: str) -> None:
    chart = _job(tmp_path, _JOB.replace(_DEADLINE, "").replace("\n", end))
    fix(chart, "HOOK-2")
    assert _text(chart) == _JOB.replace("\n", end)


def test_a_deadline_takes_the_indentation_of_its_neighbors(tmp_path: Path) -> None:
    head, spec = _JOB.replace(_DEADLINE, "").split("spec:\n", 1)
    wide = "".join(f"  {line}\n" if line[:1] == " " else f"{line}\n" for line in spec.splitlines())
    chart = _job(tmp_path, f"{head}spec:  # of the Job\n{wide}")
    fix(chart, "HOOK-2")
    assert _text(chart) == f"{head}spec:  # of the Job\n    activeDeadlineSeconds: 240\n{wide}"


@pytest.mark.parametrize(("written", "fixed"), [('"240"', "240"), ("'299'  # seconds", "299  # seconds"), ('"1"', "1")])
def test_a_deadline_in_quotes_loses_them(tmp_path: Path, written: str, fixed: str) -> None:
    text = _JOB.replace("240", written)
    chart = _job(tmp_path, text)
    fix(chart, "HOOK-2")
    assert _text(chart) == text.replace(written, fixed)


@pytest.mark.parametrize("written", ["0", "600", '"600"', "'0240'", '"-1"', '"4m"'])
def test_a_deadline_that_is_there_stays(tmp_path: Path, written: str) -> None:
    text = _JOB.replace("activeDeadlineSeconds: 240", f"activeDeadlineSeconds: {written}")
    chart = _job(tmp_path, text)
    assert reasons(fix(chart, "HOOK-2")) == ["only an author can say which deadline suits"]
    assert _text(chart) == text


def test_a_deadline_under_a_condition_stays(tmp_path: Path) -> None:
    text = _JOB.replace(_DEADLINE, "{{- if .Values.limit }}\n" + _DEADLINE + "{{- end }}\n")
    chart = _job(tmp_path, text)
    assert reasons(fix(chart, "HOOK-2")) == ["the template may print a deadline under a condition"]
    assert _text(chart) == text


def test_a_template_that_makes_other_jobs_too_stays(tmp_path: Path) -> None:
    head, job = _JOB.replace(_DEADLINE, "").split("\n", 1)
    body = (
        job.removesuffix("{{- end }}\n")
        .replace("example-db-drop", "{{ $name }}")
        .replace("- name: db-drop", "- name: {{ $name }}")
    )
    body = body.replace(".Values.images.db_drop", "index $.Values.images $key").replace(
        ".Values.images.pull", "$.Values.images.pull"
    )
    loop = '{{- range $name, $key := dict "db-drop" "db_drop" "greet" "api" }}\n---\n' + body + "{{- end }}\n"
    text = f"{head}\n{loop}{{{{- end }}}}\n"
    values = _VALUES.replace("manifests:", "  api: docker.io/example/api:1.2.3\nmanifests:")
    chart = write(tmp_path, {"values.yaml": values, "templates/api.yaml": text})
    assert reasons(fix(chart, "HOOK-2")) == ["the edit would change Job/greet too"]
    assert _text(chart) == text


def test_both_repairs_of_one_job_are_made_together(tmp_path: Path) -> None:
    chart = _job(tmp_path, _JOB.replace(_DEADLINE, "").replace(_POLICY, ""))
    fix(chart, "HOOK")
    assert _text(chart) == _JOB
