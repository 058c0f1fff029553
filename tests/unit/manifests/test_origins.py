"""A line of a template is known for certain, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from osh_conformance.manifests.origins import Origin, origins
from osh_conformance.model.chart import Container, Document, RenderedChart, Role

if TYPE_CHECKING:
    from collections.abc import Mapping

_FILE = "templates/api.yaml"
_HEAD = "kind: Deployment\nmetadata:\n  name: api\nspec:\n  template:\n    spec:\n      containers:\n"


def _chart(templates: Mapping[str, str], values: Mapping[str, Any] | None = None) -> RenderedChart:
    return RenderedChart(
        name="shop",
        version="1",
        folder="",
        convention=None,
        containers=(),
        templates=templates,
        effective=values or {"a": 1},
    )


def _container(name: str = "api", image: str | None = "quay.io/shop/api:1.0.2") -> Container:
    return Container(
        kind="Deployment",
        workload_name="api",
        name=name,
        role=Role.MAIN,
        image=image,
        pull_policy="Always",
        template=_FILE,
    )


def _of(text: str, *keys: str, container: Container | None = None, **others: str) -> Origin | None:
    files = {_FILE: _HEAD + text, **{f"templates/{name}.tpl": more for name, more in others.items()}}
    return origins(_chart(files)).of_container(container or _container(), *(keys or ("image", "name")))


def _at(line: int, file: str = _FILE) -> Origin:
    return Origin(file=file, line=line)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("        - name: api\n          image: quay.io/shop/api:1.0.2\n", 9),
        ('      - image: "{{ .Values.image }}"\n        name: api\n', 8),
        ("      - name: {{ .Chart.Name }}\n        image: {{ .Values.image | quote }}  # ours\n", 9),
        (
            "      {{- range .parts }}\n      - name: {{ .name }}\n        image: {{ .image }}\n      {{- end }}\n",
            10,
        ),
        (
            "      - name: wait\n        image: docker.io/x/wait:1\n      - name: api\n        image: {{ .i }}\n",
            11,
        ),
        (
            "      - name: api\n        env:\n          - name: image\n            value: x\n        image: y{{ .i }}",
            None,
        ),
        ("      - name: api\n        env:\n          - name: api\n            value: x\n        image: {{ .i }}\n", 12),
    ],
    ids=[
        "literal",
        "image first",
        "computed name",
        "range",
        "second of two",
        "another image",
        "a variable of that name",
    ],
)
def test_the_line_of_an_image_is_that_of_the_containers_entry(text: str, line: int | None) -> None:
    assert _of(text) == (_at(line) if line else None)


_BRANCHES = """\
      - name: api
        {{- if .Values.mirror }}
        image: mirror.local/{{ .Values.image }}
        {{- else }}
        image: quay.io/{{ .Values.image }}
        {{- end }}
"""


def test_of_two_branches_the_one_that_can_have_rendered_the_image_is_taken() -> None:
    assert _of(_BRANCHES) == _at(12)
    assert _of(_BRANCHES, container=_container(image="mirror.local/shop/api:1")) == _at(10)


def test_of_two_branches_that_both_fit_none_is_taken() -> None:
    assert _of(_BRANCHES.replace("mirror.local/", "").replace("quay.io/", "")) is None


def test_two_entries_that_both_fit_have_no_line() -> None:
    one = "      - name: {{ .a }}\n        image: {{ .i }}\n"
    assert _of(one) == _at(9)
    assert _of(one + one) is None


def test_a_format_that_is_printed_as_it_is_tells_names_apart() -> None:
    init = "      - name: init\n        image: {{ .i }}\n"
    plain = '      - name: {{ printf "%s-%s" .a "db-sync" | quote }}\n        image: {{ .i }}\n'
    changed = plain.replace("| quote", '| replace "_" "-"')
    assert _of(init + plain, container=_container("init")) == _at(9)
    assert _of(init + plain, container=_container("api-db-sync")) == _at(11)
    assert _of(init + changed, container=_container("init")) is None


def test_an_image_that_another_define_prints_is_where_the_entry_includes_it() -> None:
    text = '      - name: api\n{{ tuple . "api" | include "lib.image" | indent 8 }}\n'
    define = '{{- define "lib.image" -}}\nimage: {{ .x }}\nimagePullPolicy: {{ .y }}\n{{- end -}}\n'
    assert _of(text, _lib=define) == _at(9)
    assert _of(text, "imagePullPolicy", "image", _lib=define) == _at(9)


def test_a_container_that_a_define_prints_whole_is_in_its_file() -> None:
    text = '{{ include "lib.container" . | indent 8 }}\n'
    define = '{{- define "lib.container" -}}\n- name: api\n  image: {{ .x }}\n{{- end -}}\n'
    assert _of(text, _lib=define) == _at(3, "templates/_lib.tpl")


def test_a_define_that_the_template_does_not_reach_plays_no_part() -> None:
    text = "      - name: api\n        image: {{ .i }}\n"
    define = '{{- define "lib.container" -}}\n- name: api\n  image: {{ .x }}\n{{- end -}}\n'
    assert _of(text, _lib=define) == _at(9)
    hashed = '      # {{ include "lib.container" . | sha256sum }}\n'
    assert _of(text + hashed, _lib=define) == _at(9)


def test_an_include_by_a_computed_name_reaches_what_its_texts_name() -> None:
    text = "      - name: api\n        image: {{ .i }}\n"
    define = '{{- define "lib.container" -}}\n- name: api\n  image: {{ .x }}\n{{- end -}}\n'
    computed = '{{- $name := "lib.container" }}\n{{ include $name . | indent 6 }}\n'
    assert _of(text + computed, _lib=define) is None


def test_a_define_that_is_nowhere_may_print_containers_but_no_labels() -> None:
    text = "      - name: api\n        image: {{ .i }}\n"
    assert _of(text + '{{ include "far.sidecars" . | indent 6 }}\n') is None
    assert _of(text + '    metadata:\n      labels:\n{{ include "far.labels" . | indent 8 }}\n') == _at(9)


def test_a_container_that_values_hold_may_be_printed_whole() -> None:
    files = {_FILE: _HEAD + "      - name: api\n        image: {{ .i }}\n"}
    more = {"extra": [{"name": "api", "image": "quay.io/shop/api:1.0.2"}]}
    assert origins(_chart(files)).of_container(_container(), "image") == _at(9)
    assert origins(_chart(files, more)).of_container(_container(), "image") is None


def test_a_container_without_an_image_is_at_its_name_and_one_without_a_policy_at_its_image() -> None:
    text = "      - name: api\n        command: [run]\n"
    assert _of(text, container=_container(image=None)) == _at(8)
    assert _of(text + "        image: {{ .i }}\n", "imagePullPolicy", "image") == _at(10)


def test_a_copy_of_a_library_with_the_same_text_is_no_second_place() -> None:
    define = '{{- define "lib.container" -}}\n- name: api\n  image: {{ .x }}\n{{- end -}}\n'
    files = {
        _FILE: _HEAD + '{{ include "lib.container" . | indent 8 }}\n',
        "charts/lib/templates/_c.tpl": define,
        "charts/other/charts/lib/templates/_c.tpl": define,
    }
    found = origins(_chart(files)).of_container(_container(), "image")
    assert found == _at(3, "charts/lib/templates/_c.tpl")
    files["charts/other/charts/lib/templates/_c.tpl"] = define.replace(".x", ".y")
    assert origins(_chart(files)).of_container(_container(), "image") is None


_JOB = """\
{{- define "lib.job" }}
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ .name }}
  annotations:
    helm.sh/hook: pre-delete
---
kind: Job
metadata:
  name: {{ .name }}
  annotations:
    "helm.sh/hook": {{ .event }}
    "helm.sh/hook-delete-policy": hook-succeeded
spec:
  activeDeadlineSeconds: {{ .deadline }}
{{- end }}
"""


def _job(**annotations: str) -> Document:
    metadata = {"name": "api-db-drop", "annotations": annotations}
    return Document(template=_FILE, occurrence=0, content={"kind": "Job", "metadata": metadata})


def _of_job(
    key: str, text: str = '{{ include "lib.job" . }}\n', values: Mapping[str, Any] | None = None
) -> Origin | None:
    chart = _chart({_FILE: text, "charts/lib/templates/_job.tpl": _JOB}, values)
    job = _job(**{"helm.sh/hook": "pre-delete", "helm.sh/hook-delete-policy": "hook-succeeded"})
    return origins(chart).of_object(job, key, "kind")


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("helm.sh/hook", 14),
        ("helm.sh/hook-delete-policy", 15),
        ("activeDeadlineSeconds", 17),
        ("name", 12),
        ("kind", 10),
        ("backoffLimit", 10),
    ],
)
def test_an_annotation_of_a_library_is_in_its_file(key: str, line: int) -> None:
    assert _of_job(key) == _at(line, "charts/lib/templates/_job.tpl")


def test_an_annotation_that_values_or_an_argument_may_set_is_at_the_kind() -> None:
    library = "charts/lib/templates/_job.tpl"
    values = {"job": {"annotations": {"helm.sh/hook": "pre-delete"}}}
    assert _of_job("helm.sh/hook", values=values) == _at(10, library)
    argument = '{{ include "lib.job" (dict "annotations" (dict "helm.sh/hook" "pre-delete")) }}\n'
    assert _of_job("helm.sh/hook", argument) == _at(10, library)


def test_of_two_jobs_that_both_fit_none_has_a_line() -> None:
    second = "\n---\nkind: Job\nmetadata:\n  name: {{ .other }}\n"
    assert _of_job("kind", '{{ include "lib.job" . }}' + second) is None
    assert _of_job("kind", '{{ include "lib.job" . }}' + second.replace("{{ .other }}", "x")) is not None


_SCRIPTS = """\
kind: ConfigMap
data:
  sync.sh: |
{{ tuple "bin/_sync.sh.tpl" . | include "lib.file" | indent 4 }}
  init.py: |
{{- include "lib.init" . | indent 4 }}
  own.sh: |
    #!/bin/bash
    pip install x
"""


@pytest.mark.parametrize(
    ("entry", "text", "expected"),
    [
        ("sync.sh", "#!/bin/bash", _at(1, "templates/bin/_sync.sh.tpl")),
        ("init.py", "#!/usr/bin/env python", _at(2, "charts/lib/templates/_init.tpl")),
        ("own.sh", "pip install x", _at(9)),
        ("sync.sh", "echo", None),
        ("other.sh", "#!/bin/sh", None),
    ],
)
def test_a_line_of_a_script_is_in_the_file_that_the_entry_names(entry: str, text: str, expected: Origin | None) -> None:
    files = {
        _FILE: _SCRIPTS,
        "templates/bin/_sync.sh.tpl": "#!/bin/bash\n{{/*\n#!/bin/bash\n*/}}\necho\necho\n",
        "templates/bin/_other.sh.tpl": "#!/bin/bash\n",
        "charts/lib/templates/_init.tpl": '{{- define "lib.init" }}\n#!/usr/bin/env python\n{{- end }}\n',
        "charts/lib/templates/_file.tpl": '{{- define "lib.file" }}\n{{ include $x . }}\n{{- end }}\n',
    }
    assert origins(_chart(files)).of_script(_FILE, entry, text) == expected
