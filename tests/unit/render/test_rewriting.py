"""Templates changed so that they show another time and another revision."""

from __future__ import annotations

import pytest

from osh_conformance.render.rewriting import asks_for_clock, at_another_time, of_an_upgrade


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ now | unixEpoch }}", '{{ (toDate "2006-01-02" "2001-02-03") | unixEpoch }}'),
        ('{{ date "2006" (now) }}', '{{ date "2006" ((toDate "2006-01-02" "2001-02-03")) }}'),
        ("{{ if gt $.Release.Revision 1 }}", "{{ if gt 2 1 }}"),
        ("{{ $r := .Release }}{{ $r.Revision }}", "{{ $r := .Release }}{{ 2 }}"),
        ("{{ .envAll.Release.Revision }}", "{{ 2 }}"),
    ],
)
def test_time_and_revision_are_replaced_in_actions(template: str, expected: str) -> None:
    assert of_an_upgrade(at_another_time(template)) == expected


@pytest.mark.parametrize(
    "template",
    [
        "right now",
        "{{/* now */}}",
        '{{ "now" }}',
        "{{ .Values.now }}",
        "{{ $now }}",
        "{{ $r.Revision }}",
        "{{ (index . 0).Release.Revision }}",
    ],
)
def test_everything_else_stays(template: str) -> None:
    assert of_an_upgrade(at_another_time(template)) == template


def test_a_template_asks_for_the_time_by_what_it_includes() -> None:
    templates = {
        "templates/job.yaml": 'name: {{ include "today" . }}',
        "templates/other.yaml": "name: x",
        "charts/library/templates/_names.tpl": '{{ define "a" }}x{{ end }}{{ define "today" }}{{ now }}{{ end }}',
    }
    assert asks_for_clock(["templates/job.yaml"], templates)
    assert not asks_for_clock(["templates/other.yaml"], templates)


def test_a_template_asks_for_the_time_by_a_text_of_values_that_it_renders() -> None:
    templates = {"templates/job.yaml": "name: {{ tpl .Values.name . }}", "values.yaml": "name: x-{{ now }}\n"}
    assert asks_for_clock(["templates/job.yaml"], templates)
    assert not asks_for_clock(["templates/job.yaml"], {**templates, "values.yaml": "name: x\n"})
