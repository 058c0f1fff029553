"""Which image keys and values the actions of templates may read."""

from __future__ import annotations

import pytest

from osh_conformance.manifests.templates import Templates, parsed

_LIBRARY = """
{{- define "lib.image" -}}
image: {{ index .root.Values.images.tags .key }}
{{- end -}}
{{- define "lib.labels" -}}
application: {{ .key }}
{{- end -}}
{{- define "lib.job" -}}
{{- if true }}{{ dict "root" . "key" "migrate" | include "lib.image" }}{{ end }}
{{- end -}}
"""


def _templates(text: str, *texts: str) -> Templates:
    return Templates({"templates/a.yaml": text, "charts/lib/templates/_b.tpl": _LIBRARY}, "images.tags", texts)


@pytest.mark.parametrize(
    "text",
    [
        "image: {{ .Values.images.tags.migrate }}",
        "image: {{ $.Values.images.tags.migrate | quote }}",
        '{{- $tags := .Values.images.tags -}}\nimage: {{ index $tags "migrate" }}',
        "{{ with .Values.images }}image: {{ .tags.migrate }}{{ end }}",
        "{{ with .Values.images.tags }}image: {{ .migrate }}{{ end }}",
        '{{ dict "root" . "key" "migrate" | include "lib.image" }}',
        '{{ include "lib.job" . }}',
        '{{ include (printf "lib.%s" "job") . }}',
        '{{ $key := "migrate" }}image: {{ index .Values.images.tags $key }}',
        'image: {{ index .Values.images.tags (printf "mig%s" .suffix) }}',
    ],
)
def test_a_key_may_be_looked_up(text: str) -> None:
    assert _templates(text).may_use("migrate")


@pytest.mark.parametrize(
    "text",
    [
        "name: migrate",
        "{{/* .Values.images.tags.migrate */}}",
        "{{- /*\nimage: {{ .Values.images.tags.migrate }}\n*/ -}}",
        "replicas: {{ .Values.pod.replicas.migrate }}",
        '{{ dict "key" "migrate" | include "lib.labels" }}',
        "{{ if .Values.images.tags.migrate }}kind: Job{{ end }}",
        "image: {{ .Values.images.tags.db_migrate }}",
        '{{ index .Values.pod.replicas "migrate" }}',
        '{{ define "never.called" }}{{ .Values.images.tags.migrate }}{{ end }}',
    ],
)
def test_a_word_is_no_use_of_a_key(text: str) -> None:
    assert not _templates(text).may_use("migrate")


def test_a_template_in_values_may_look_up_a_key() -> None:
    assert _templates("{{ tpl .Values.extra . }}", "image: {{ .Values.images.tags.migrate }}").may_use("migrate")


@pytest.mark.parametrize(
    ("text", "has"),
    [
        ("{{ .Values.image.api }}", True),
        ("{{ toYaml .Values.image }}", True),
        ("{{ .Values.image.api.tag }}", True),
        ("{{ .Values.images.tags.api }}", False),
        ("{{ .Values.image.worker }}", False),
        ('{{ index .Values "image" "api" }}', True),
        ("{{ $values := .Values }}{{ $values.image.api }}", True),
        ("{{ $values := .Values }}{{ $values.images.tags.api }}", False),
        ("{{ toYaml .Values | sha256sum }}", False),
    ],
)
def test_a_place_in_values_may_be_read(text: str, *, has: bool) -> None:
    assert _templates(text).may_have("image.api") is has


def test_the_end_of_a_block_is_not_the_end_of_the_definition_around_it() -> None:
    source = parsed('{{ define "a" }}{{ if .x }}{{ else }}{{ end }}{{ .y }}{{ end }}{{ .z }}')
    assert [action.text for action in source.definitions["a"].actions] == ["if .x", "else", ".y"]
    assert [action.text for action in source.top.actions] == [".z"]


def test_a_brace_in_a_text_does_not_end_an_action() -> None:
    assert [action.strings for action in parsed('{{ print "}}" }}{{ .a }}').top.actions] == [("}}",), ()]
