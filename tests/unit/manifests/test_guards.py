"""Which values decide over an object or a container, by the text of templates."""

from __future__ import annotations

import pytest

from osh_conformance.manifests.guards import Guard, first_condition, guards, renders_nothing

_POD = "kind: Pod\n"


def _found(text: str, **partials: str) -> set[tuple[str, bool]]:
    templates = {"templates/a.yaml": text}
    templates |= {f"charts/tools/templates/_{name}.tpl": body for name, body in partials.items()}
    return {(guard.path, guard.negative) for guard in guards(templates)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ if .Values.a.on }}" + _POD + "{{ end }}", {("a.on", False)}),
        ("{{- if $.Values.a.on -}}\nx: 1\n{{- end }}", set()),
        ("{{ if not .Values.a }}" + _POD + "{{ end }}", {("a", True)}),
        ("{{ if not (or .Values.a .Values.b) }}" + _POD + "{{ end }}", {("a", True), ("b", True)}),
        ("{{ if and .Values.a (not $all.Values.b) }}" + _POD + "{{ end }}", {("a", False), ("b", True)}),
        ("{{ if eq .Values.a false }}" + _POD + "{{ end }}", {("a", True)}),
        ("{{ if .Values.a }}x{{ else }}\n" + _POD + "{{ end }}", {("a", True)}),
        ("{{ if .Values.a }}x{{ else if .Values.b }}\n" + _POD + "{{ end }}", {("a", True), ("b", False)}),
        ("{{ with .Values.a }}{{ if .b.on }}\n" + _POD + "{{ end }}{{ end }}", {("a", False), ("a.b.on", False)}),
        ("{{ $x := .Values.a }}{{ if $x.on }}\n" + _POD + "{{ end }}", {("a.on", False)}),
        ("{{ range $k, $v := .Values.a }}{{ if $v.on }}\n" + _POD + "{{ end }}{{ end }}", {("a.*.on", False)}),
        ('{{ if index .Values "a-b" "on" }}\n' + _POD + "{{ end }}", {("a-b.on", False)}),
        ("{{ if (.Values.a).on }}\n" + _POD + "{{ end }}", {("a.on", False)}),
        ("kind: Pod\nimage: {{ if .Values.a }}x{{ else }}y{{ end }}", {("a", False), ("a", True)}),
        ("{{/* if .Values.a }}" + _POD + "{{ end */}}", set()),
    ],
)
def test_a_guard_encloses_an_object_or_an_image(text: str, expected: set[tuple[str, bool]]) -> None:
    assert _found(text) == expected


def test_a_guard_encloses_an_include_that_leads_to_an_object() -> None:
    inner = '{{ define "inner" }}{{ if .Values.b }}\nimage: x\n{{ end }}{{ end }}'
    outer = '{{ define "outer" }}{{ include "inner" . }}{{ end }}'
    other = '{{ define "other" }}{{ if .Values.c }}\nimage: x\n{{ end }}{{ end }}'
    text = '{{ if .Values.a }}{{ tuple . | include "outer" }}{{ end }}'
    assert _found(text, inner=inner, outer=outer, other=other) == {("a", False), ("b", False)}
    assert Guard(path="a", negative=False) in guards({"templates/a.yaml": text, "templates/_o.tpl": outer + inner})


def test_the_first_condition_is_that_of_the_text() -> None:
    found = first_condition("# x\n{{- /* if .Values.z */}}\n{{- if  .Values.a\n  }}{{ if .Values.b }}")
    assert found is not None
    assert (found.text, found.line) == ("if .Values.a", 3)
    assert first_condition("kind: Pod") is None


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("\n{{ if .Values.a }}{{ $x := 1 }}{{ if .Values.b }}\nkind: Pod", 2, "if .Values.a, then if .Values.b"),
        ("{{ if .Values.x }}{{ $_ := set . 1 }}{{ end }}\n{{ if .Values.a }}\nkind: Pod", 2, "if .Values.a"),
        ('{{ define "x" }}{{ if .x }}\nkind: Pod\n{{ end }}{{ end }}{{ if .a }}{{ include "x" . }}', 3, "if .a"),
        ("{{ if .Values.a }}{{ else }}\nkind: Pod", 1, "else of if .Values.a"),
        ("{{ if .Values.x }}{{ else if .Values.a }}\nkind: Pod", 1, "else if .Values.a"),
        ("{{ if .Values.x }}{{ end }}{{ range .Values.more }}{{ toYaml . }}", 1, "range .Values.more"),
    ],
)
def test_the_conditions_around_an_object_are_named(text: str, line: int, expected: str) -> None:
    found = first_condition(text + "{{ end }}")
    assert found is not None
    assert (found.line, found.text) == (line, expected)


def test_definitions_and_comments_render_nothing() -> None:
    assert renders_nothing('{{ define "a" }}\nkind: Pod\n{{ if 1 }}{{ end }}{{ end }}\n# x\n---\n{{/* y */}}\n')
    assert renders_nothing('{{ if .Values.a }}{{ required "b" .Values.b }}{{ end }}\n')
    assert not renders_nothing("{{ if .Values.a }}{{ toYaml .Values.b }}{{ end }}")
    assert not renders_nothing("kind: Pod")
    assert not renders_nothing('{{ include "a" . }}')
