"""The images that flavors give to charts, and the keys of which a rendered container uses none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from osh_conformance.config.engine_options import LiveOptions
from osh_conformance.errors import UsageError
from osh_conformance.model.matrix import Flavor
from osh_conformance.plan import flavor_images
from osh_conformance.plan.plan import LiveSuite

if TYPE_CHECKING:
    from pathlib import Path

    from osh_conformance.charts.target import ChartTarget

_VALUES = """\
images:
  db_init: docker.io/x/init:1
  db_drop: docker.io/x/drop:1
  api: docker.io/x/api:1
  declared: docker.io/x/api:1
  pull_policy: IfNotPresent
manifests:
  job_db_drop: false
  deployment_api: false
"""
_TEMPLATE = """\
{{- if .Values.broken }}{{ fail "does not render" }}{{ end }}
{{- $on := .Values.manifests }}
{{- range $name, $on := dict "db_init" true "db_drop" $on.job_db_drop "api" $on.deployment_api }}
{{- if $on }}
---
apiVersion: v1
kind: Pod
metadata: {name: {{ $name | replace "_" "-" }}}
spec:
  containers:
    - {name: main, image: {{ get $.Values.images $name }}}
{{- end }}
{{- end }}
"""
_JOBS = {"db_init": "docker.io/y/init:1", "db_drop": "docker.io/y/drop:1"}


@pytest.fixture
def chart(tmp_path: Path) -> tuple[LiveSuite, ChartTarget]:
    folder = tmp_path / "thing"
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: thing\nversion: 1.0.0\n")
    (folder / "values.yaml").write_text(_VALUES)
    (folder / "templates" / "pods.yaml").write_text(_TEMPLATE)
    found = LiveSuite(LiveOptions(paths=(folder,), scenarios=("drop-enabled",)))
    return found, found.cell_runs[0].target


def test_a_key_that_no_container_uses_needs_no_image(chart: tuple[LiveSuite, ChartTarget]) -> None:
    suite, target = chart
    flavor = Flavor(name="jobs", summary="", images=_JOBS)
    assert flavor_images.references(target, flavor, {}, lambda: suite.renderer) == _JOBS


def test_the_drop_job_uses_its_key_though_its_switch_is_off(chart: tuple[LiveSuite, ChartTarget]) -> None:
    suite, target = chart
    flavor = Flavor(name="jobs", summary="", images={"db_init": "docker.io/y/init:1"})
    with pytest.raises(UsageError, match="no image for db_drop of"):
        flavor_images.references(target, flavor, {}, lambda: suite.renderer)


def test_two_keys_with_one_reference_are_told_apart(chart: tuple[LiveSuite, ChartTarget]) -> None:
    suite, target = chart
    flavor = Flavor(name="jobs", summary="", images=_JOBS)
    with pytest.raises(UsageError, match="no image for api of"):
        flavor_images.references(target, flavor, {"manifests": {"deployment_api": True}}, lambda: suite.renderer)


def test_a_chart_that_does_not_render_is_asked_for_every_key(chart: tuple[LiveSuite, ChartTarget]) -> None:
    suite, target = chart
    flavor = Flavor(name="jobs", summary="", images=_JOBS)
    with pytest.raises(UsageError, match="no image for api, declared of"):
        flavor_images.references(target, flavor, {"broken": True}, lambda: suite.renderer)
