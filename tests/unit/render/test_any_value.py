"""Charts of no known layout, and of image maps: which values change the image of each container."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from osh_conformance.errors import SuiteError
from osh_conformance.loading import records
from osh_conformance.model.convention import Convention
from osh_conformance.render import any_value
from osh_conformance.render.job import Job
from osh_conformance.render.renderings import render_chart
from osh_conformance.report.pages.reference_pages import MAPS_EXAMPLE

if TYPE_CHECKING:
    from pathlib import Path

    from osh_conformance.model.chart import RenderedChart


def rendered(
    values: dict[str, Any], image: str, extra: str = "", convention: Convention | None = None
) -> RenderedChart:
    manifest = f"""\
apiVersion: v1
kind: Pod
metadata: {{name: web}}
spec:
  containers:
    - name: web
      image: {image}
{extra}"""
    files = {
        "Chart.yaml": b"apiVersion: v2\nname: web\nversion: 0.1.0\nappVersion: 7.7.7\n",
        "values.yaml": yaml.safe_dump(values).encode(),
        "templates/pod.yaml": manifest.encode(),
    }
    return render_chart(Job(name="web", version="0.1.0", files=files, convention=convention), lambda: None)


def key_of(chart: RenderedChart) -> str | None:
    (container,) = chart.containers
    return container.key


@pytest.mark.parametrize(
    ("values", "image"),
    [
        ({"web": "docker.io/library/nginx:1.27.3"}, "{{ .Values.web }}"),
        ({"sources": [{"host": "quay.io"}]}, "{{ (index .Values.sources 0).host }}/example/web:1.0.1"),
        ({"tag": 1.1}, "quay.io/example/web:{{ .Values.tag }}"),
        ({"edition": "pro"}, "quay.io/example/web-{{ .Values.edition }}:1.0.1"),
        ({"registry": ""}, "{{ .Values.registry }}/team/web:1.2.3"),
        ({}, '{{ .Values.webImage | default "quay.io/example/web:1.0.1" }}'),
        ({"other": {"x": 1}}, '{{ (.Values.other).image | default "quay.io/example/web:1.0.1" }}'),
        ({}, '{{ index .Values "web-image" | default "quay.io/example/web:1.0.1" }}'),
        ({"web": "quay.io/example/web:{{ .Chart.AppVersion }}"}, "{{ tpl .Values.web . }}"),
    ],
)
def test_an_image_with_a_value_in_it_can_be_changed(values: dict[str, Any], image: str) -> None:
    chart = rendered(values, image)
    assert (chart.convention, key_of(chart), chart.images_error) == (None, None, "")


@pytest.mark.parametrize(
    "values", [{}, {"name": "nginx", "replicas": 1}, {"image": "quay.io/example/stale:1.27.3"}, {"tag": "1.27.3"}]
)
def test_an_image_that_is_in_the_template_alone_cannot(values: dict[str, Any]) -> None:
    chart = rendered(values, "docker.io/library/nginx:1.27.3")
    assert (key_of(chart), chart.images_error) == ("", "")


def test_values_that_must_stay_do_not_hide_others() -> None:
    guard = '{{ if ne .Values.edition "pro" }}{{ fail "no such edition" }}{{ end }}'
    values = {"edition": "pro", "a": "quay.io", "b": "example"}
    chart = rendered(values, "{{ .Values.a }}/{{ .Values.b }}/web-{{ .Values.edition }}:1.0.1", guard)
    assert (key_of(chart), chart.images_error) == (None, "")


def test_a_chart_that_allows_no_other_value_is_undecided() -> None:
    guard = '{{ if ne .Values.edition "pro" }}{{ fail "no such edition" }}{{ end }}'
    chart = rendered({"edition": "pro"}, "quay.io/example/web-{{ .Values.edition }}:1.0.1", guard)
    assert key_of(chart) is None
    assert "no such edition" in chart.images_error


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("docker.io", "dockerzq3.io"),
        ("1.27.3", "9003.27.3"),
        ("v2", "v9003"),
        ("quay.io/a/b:1", "quayzq3.io/a/b:1"),
    ],
)
def test_another_word_has_the_form_of_the_first(text: str, wanted: str) -> None:
    assert any_value.word(text, 3) == wanted


def test_another_digest_is_a_digest() -> None:
    found = any_value.word("sha256:" + "a" * 64, 1)
    assert found.startswith("sha256:")
    assert len(found) == 71


_IMAGE = {"image": {"repository": "quay.io/example/web", "tag": "", "pullPolicy": "Always"}}
_COMPOSED = '"{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"'


def test_an_image_map_sets_the_image_and_the_policy() -> None:
    chart = rendered(_IMAGE, _COMPOSED, "      imagePullPolicy: {{ .Values.image.pullPolicy }}\n")
    (container,) = chart.containers
    assert (chart.convention, container.key, container.arrived) == ("helm", "image", None)
    assert [each.pull_policy for containers in chart.by_policy.values() for each in containers] == list(chart.by_policy)


@pytest.mark.parametrize(
    ("values", "image", "arrived"),
    [
        ({}, "quay.io/{{ .Values.image.repository }}:{{ .Values.image.tag }}", "quay.io/<reference>"),
        ({"host": "quay.io"}, "{{ .Values.host }}/{{ .Values.image.repository }}:{{ .Values.image.tag }}", None),
        ({}, "{{ .Values.image.repository }}:{{ .Values.image.tag }}-slim", "<reference>-slim"),
        ({"team": "quay.io/team"}, "{{ .Values.team }}/{{ .Values.image.repository }}:{{ .Values.image.tag }}", None),
        ({}, "{{ .Values.image.repository }}:v{{ .Values.image.tag }}", "<reference>:v1.0.0"),
        ({"kind": "slim"}, "{{ .Values.image.repository }}:{{ .Values.image.tag }}-{{ .Values.kind }}", None),
    ],
)
def test_only_what_no_value_changes_is_around_an_image_map(
    values: dict[str, Any], image: str, arrived: str | None
) -> None:
    parts = {"image": {"repository": "example/web", "tag": "1.0.1"}}
    (container,) = rendered({**parts, **values}, image).containers
    assert (container.key, container.arrived) == ("image", arrived)


def test_a_container_beside_the_image_maps_may_use_another_value() -> None:
    second = "    - {name: b, image: quay.io/example/b:1.0.1}\n    - {name: c, image: '{{ .Values.c }}'}\n"
    chart = rendered({**_IMAGE, "c": "quay.io/example/c:1.0.1"}, _COMPOSED, second)
    assert {container.name: container.key for container in chart.containers} == {"web": "image", "b": "", "c": None}


def test_charts_that_refuse_other_images_are_asked_with_the_value_that_allows_them() -> None:
    changed = '(ne .Values.image.repository "quay.io/example/web")'
    refused = "(not .Values.global.security.allowInsecureImages)"
    guard = f'{{{{ if and {changed} {refused} }}}}{{{{ fail "no" }}}}{{{{ end }}}}'
    values = {**_IMAGE, "global": {"security": {"allowInsecureImages": False}}}
    assert key_of(rendered(values, _COMPOSED, guard)) == "image"


def test_a_single_value_as_images_is_an_error() -> None:
    with pytest.raises(SuiteError, match="single value"):
        rendered({"images": "quay.io/example/web:1"}, "{{ .Values.images }}")


def test_a_layout_of_maps_may_have_a_drop_switch_and_names_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "parts.yaml"
    file.write_text(MAPS_EXAMPLE)
    parts = {"host": "quay.io", "name": "example/api", "version": "1.0.1", "policy": "Always"}
    image = "{{ with .Values.api.container.picture }}{{ .host }}/{{ .name }}:{{ .version }}{{ end }}"
    drop = """\
      imagePullPolicy: {{ .Values.api.container.picture.policy }}
{{ if .Values.dropDatabase }}
    - {name: drop, image: quay.io/example/drop:1.0.1}
{{ end }}"""
    values = {"api": {"container": {"picture": parts}}, "dropDatabase": False}
    chart = rendered(values, image, drop, records.load(Convention, file))
    assert {container.name: container.key for container in chart.every_container} == {
        "web": "api.container.picture",
        "drop": "",
    }
    assert [image.reference for image in chart.images] == ["quay.io/example/api:1.0.1"]
    assert "drop:on" in chart.renderings
