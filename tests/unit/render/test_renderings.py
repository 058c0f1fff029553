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
from osh_conformance.render.cache import Cache
from osh_conformance.render.renderings import Job, render_chart
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
    assert renders == 2


def test_a_pull_policy_used_in_a_condition_is_rendered_a_third_time(tmp_path: Path) -> None:
    decides = '{{ if eq .Values.images.pull_policy "Never" }}Always{{ else }}' + _POLICY + "{{ end }}"
    chart, renders = _rendered(_chart(tmp_path / "a", "", a=("true", decides)))
    assert renders == 3
    (container,) = chart.by_policy["Never"]
    assert container.pull_policy == "Always"


def test_a_toggle_that_cannot_render_alone_is_undecided(tmp_path: Path) -> None:
    toggles = ", ".join(f"pod_{name}: false" for name in "bcdef")
    pods = {name: f".Values.manifests.pod_{name}" for name in "bcdf"}
    chart, _ = _rendered(_chart(tmp_path / "a", toggles, e='and .Values.manifests.pod_e (fail "needs more")', **pods))
    assert [toggle for toggle, _ in chart.undecided] == ["manifests.pod_e"]
    assert "needs more" in chart.undecided[0][1]
    assert {each.name for each in chart.every_container} == {"b", "c", "d", "f"}


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
    chart, _ = _rendered(_chart(tmp_path / "a", "job_db_drop: false, n: 123456789012345678901", b="true"))
    again = decode(encode(chart))
    assert again.renderings == chart.renderings
    assert again.by_policy == chart.by_policy
    assert again.values.content["manifests"]["n"] == 123456789012345678901.0
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
