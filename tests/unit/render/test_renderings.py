"""The renderings of a chart: toggles, groups of toggles, bisection, the cache, and how often it renders."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from osh_conformance.charts import conventions
from osh_conformance.charts.source import Reader
from osh_conformance.check.engine import StaticEngine
from osh_conformance.config.engine_options import CheckOptions
from osh_conformance.model.chart import OTHER_POLICY
from osh_conformance.render.cache import Cache
from osh_conformance.render.job import Job
from osh_conformance.render.renderings import render_chart
from osh_conformance.render.toggles import variants
from osh_conformance.render.wire import decode, encode

if TYPE_CHECKING:
    from osh_conformance.model.chart import RenderedChart

_POD = """\
{{{{- if {condition} }}}}
apiVersion: v1
kind: Pod
metadata: {{name: {name}}}
spec:
  containers:
    - {{name: {name}, image: {{{{ .Values.images.tags.api }}}}, imagePullPolicy: {policy}}}
{{{{- end }}}}
"""
_POLICY = "{{ .Values.images.pull_policy }}"
_VALUES = "images: {{tags: {{api: docker.io/library/api:1.0.0}}, pull_policy: IfNotPresent}}\nmanifests: {{{}}}\n"


def _chart(folder: Path, toggles: str, **pods: str | tuple[str, str]) -> Path:
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text(f"apiVersion: v2\nname: {folder.name}\nversion: 1.0.0\n")
    (folder / "values.yaml").write_text(_VALUES.format(toggles))
    for name, given in pods.items():
        condition, policy = given if isinstance(given, tuple) else (given, _POLICY)
        text = _POD.format(condition=condition, name=name, policy=policy)
        (folder / "templates" / f"{name}.yaml").write_text(text)
    return folder


def _rendered(chart: Path) -> tuple[RenderedChart, int]:
    files = Reader().read(chart)
    steps: list[None] = []
    found = render_chart(Job(name=files.name, version=files.version, files=files.files), lambda: steps.append(None))
    return found, len(steps)


def test_toggles_are_on_together_and_the_renderings_few(tmp_path: Path) -> None:
    chart, renders = _rendered(
        _chart(tmp_path / "a", "pod_b: false, pod_c: true", b=".Values.manifests.pod_b", c=".Values.manifests.pod_c")
    )
    assert {each.name for each in chart.containers} == {"c"}
    assert {each.name for each in chart.renderings["all-on"].containers} == {"b", "c"}
    assert {each.key for each in chart.every_container} == {"api"}
    assert renders == 3  # as shipped, with all of them on, and with all of them off


def test_a_pull_policy_used_in_a_condition_is_rendered_a_third_time(tmp_path: Path) -> None:
    decides = '{{ if eq .Values.images.pull_policy "Never" }}Always{{ else }}' + _POLICY + "{{ end }}"
    chart, renders = _rendered(_chart(tmp_path / "a", "", a=("true", decides)))
    assert renders == 3
    (container,) = chart.by_policy["Never"]
    assert container.pull_policy == "Always"


def test_a_policy_that_is_only_copied_is_shown_by_one_that_no_chart_has(tmp_path: Path) -> None:
    guarded = "{{ if .Values.images.pull_policy }}{{ .Values.images.pull_policy | quote }}{{ end }}"
    chart, renders = _rendered(_chart(tmp_path / "a", "", a="true", b=("true", guarded), c=("true", "Always")))
    assert renders == 2
    assert {each.name: each.pull_policy for each in chart.by_policy[OTHER_POLICY]} == {
        "a": OTHER_POLICY,
        "b": OTHER_POLICY,
        "c": "Always",
    }


def test_a_schema_that_knows_three_policies_gets_the_other_two(tmp_path: Path) -> None:
    folder = _chart(tmp_path / "a", "", a="true")
    policy = '{"pull_policy": {"enum": ["Always", "IfNotPresent", "Never"]}}'
    images = f'{{"images": {{"properties": {policy}}}}}'
    (folder / "values.schema.json").write_text(f'{{"properties": {images}}}')
    chart, _ = _rendered(folder)
    assert list(chart.by_policy) == ["Always", "IfNotPresent", "Never"]
    assert chart.undecided == ()


def test_the_pull_secret_is_set_together_with_the_toggles(tmp_path: Path) -> None:
    folder = _chart(tmp_path / "a", "", a="true")
    account = "kind: ServiceAccount\nimagePullSecrets: [{name: {{ .Values.secrets.oci_image_registry.a }}}]\n"
    (folder / "templates" / "account.yaml").write_text(account)
    (folder / "values.yaml").write_text(
        (folder / "values.yaml").read_text() + "secrets: {oci_image_registry: {a: x}}\n"
    )
    chart, renders = _rendered(folder)
    assert renders == 2
    assert chart.renderings["pull-secret:1"] is chart.renderings["all-on"]


def test_a_pull_secret_that_does_not_render_is_left_out(tmp_path: Path) -> None:
    folder = _chart(tmp_path / "a", "", a="true")
    fails = '{{ if .Values.secrets }}{{ fail "no secret, please" }}{{ end }}# imagePullSecrets'
    (folder / "templates" / "account.yaml").write_text(fails)
    chart, _ = _rendered(folder)
    assert "no secret, please" in chart.pull_secret_error
    assert chart.undecided == ()
    assert [each.name for each in chart.renderings["all-on"].containers] == ["a"]


def test_a_toggle_that_cannot_render_alone_is_undecided(tmp_path: Path) -> None:
    toggles = ", ".join(f"pod_{name}: false" for name in "bcdef")
    pods = {name: f".Values.manifests.pod_{name}" for name in "bcdf"}
    chart, _ = _rendered(_chart(tmp_path / "a", toggles, e='and .Values.manifests.pod_e (fail "needs more")', **pods))
    assert [toggle for toggle, _ in chart.undecided] == ["manifests.pod_e"]
    assert "needs more" in chart.undecided[0][1]
    assert {each.name for each in chart.every_container} == {"b", "c", "d", "f"}


def test_the_search_for_switches_that_render_is_bounded(tmp_path: Path) -> None:
    names = [f"x{number}" for number in range(40)]
    pods = {name: f'and .Values.{name}.enabled (fail "needs more")' for name in names}
    chart = _chart(tmp_path / "a", "", b="true", **pods)
    with (chart / "values.yaml").open("a") as values:
        values.writelines(f"{name}: {{enabled: false}}\n" for name in names)
    found, renders = _rendered(chart)
    assert renders < 40
    assert {path for path, _ in found.undecided} == {f"{name}.enabled" for name in names}
    assert any("not tried" in reason for _, reason in found.undecided)
    assert "x39.enabled" in found.notices[0]


def test_the_switch_that_an_error_names_is_left_out_first(tmp_path: Path) -> None:
    names = [f"x{number}" for number in range(20)]
    pods = {name: f".Values.{name}.enabled" for name in names}
    pods["last"] = '.Values.last.enabled }}{{ fail "last.enabled needs more"'
    chart = _chart(tmp_path / "a", "", b="true", **pods)
    with (chart / "values.yaml").open("a") as values:
        values.writelines(f"{name}: {{enabled: false}}\n" for name in (*names, "last"))
    found, renders = _rendered(chart)
    assert renders <= 12
    assert [path for path, _ in found.undecided] == ["last.enabled"]
    assert {each.name for each in found.every_container} == {"b", *names}


def test_toggles_that_exclude_each_other_are_rendered_separately(tmp_path: Path) -> None:
    both = 'and .Values.manifests.pod_b .Values.manifests.pod_c (fail "not both")'
    chart, _ = _rendered(
        _chart(
            tmp_path / "a",
            "pod_b: false, pod_c: false",
            b=".Values.manifests.pod_b",
            c=".Values.manifests.pod_c",
            x=both,
        )
    )
    assert chart.undecided == ()
    assert {each.name for each in chart.every_container} == {"b", "c"}


def test_an_exclusive_group_of_toggles_is_rendered_one_by_one() -> None:
    values = {"manifests": {"deployment_a": True, "statefulset_a": False, "deployment_b": True, "job_db_drop": False}}
    first, second = variants(conventions.named("osh"), values)
    assert first == {"manifests.job_db_drop": True}
    assert second == {
        "manifests.deployment_a": False,
        "manifests.statefulset_a": True,
        "manifests.job_db_drop": True,
    }


def test_a_chart_is_decoded_as_it_was_encoded(tmp_path: Path) -> None:
    chart, _ = _rendered(_chart(tmp_path / "a", "job_db_drop: false, big: 123456789012345678901", b="true"))
    again = decode(encode(chart))
    assert again.renderings == chart.renderings
    assert again.by_policy == chart.by_policy
    assert again.values.content["manifests"]["big"] == 123456789012345678901.0
    with pytest.raises(ValueError, match="chart"):
        decode(b"x")


def test_the_cache_is_bounded_and_survives_damage(tmp_path: Path) -> None:
    cache = Cache(tmp_path, max_size=350)
    for number in range(5):
        cache.put(str(number), b"x" * 68)
        os.utime(tmp_path / f"{number}.chart", (number, number))
    assert cache.get("0") == b"x" * 68
    cache.trim()
    assert [cache.get(str(number)) is not None for number in range(5)] == [True, False, False, True, True]
    (tmp_path / "4.chart").write_bytes(b"y" * 100)
    assert cache.get("4") is None
    Cache(Path("/proc/nowhere")).put("a", b"x")


def test_a_rendering_is_cached_until_the_chart_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OSH_CONFORMANCE_CACHE", str(tmp_path / "cache"))
    chart = _chart(tmp_path / "a", "", b="true")

    def checked() -> tuple[str, int]:
        engine = StaticEngine(CheckOptions(paths=(chart,)))
        status = engine.result(engine.targets[0], "REF-2").event.check.status
        return status, len(list((tmp_path / "cache" / "renderings").iterdir()))

    assert checked() == ("pass", 2)
    assert checked() == ("pass", 2)
    values = (chart / "values.yaml").read_text().replace("api:1.0.0", "api:latest")
    (chart / "values.yaml").write_text(values)
    assert checked() == ("fail", 4)
