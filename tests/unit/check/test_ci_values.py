"""Where a chart's defaults do not render, the values of chart-testing in `ci/` are tried."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.model.finding import Status
from tests.unit.check.hostile import POD, VALUES, engine_of, message_of, status_of, target_of, write_chart

if TYPE_CHECKING:
    from pathlib import Path

_NEEDS = '# {{ required "a host is required" .Values.host }}\n---\n' + POD


def test_the_first_values_that_render_are_used_with_a_notice(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "templates/pod.yaml": _NEEDS,
        ".helmignore": "ci/\n",
        "ci/a-values.yaml": "port: 1\n",
        "ci/b-values.yaml": "host: [\n",
        "ci/c-values.yaml": "host: here\nimages: {api: docker.io/library/api}\n",
        "ci/other.yaml": "host: there\n",
    }
    engine = engine_of(write_chart(tmp_path / "chart", files))
    assert status_of(engine, "chart", "REF-2") is Status.FAIL
    chart = engine.rendered(target_of(engine, "chart"))
    assert chart
    used, *tried = chart.notices
    assert "is checked with ci/c-values.yaml" in used
    assert "a host is required" in used
    assert [notice.split(" (")[0].split()[-1] for notice in tried] == ["ci/a-values.yaml", "ci/b-values.yaml"]


def test_defaults_that_render_are_used_alone(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"ci/a-values.yaml": "images: {api: docker.io/library/api}\n"}
    engine = engine_of(write_chart(tmp_path / "chart", files))
    assert status_of(engine, "chart", "REF-2") is Status.PASS


def test_an_error_names_what_was_tried_and_the_neighbours_are_checked(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "templates/pod.yaml": _NEEDS,
        "ci/bad-values.yaml": "host: [\n",
        "ci/port-values.yaml": "port: 1\n",
    }
    write_chart(tmp_path / "chart", files)
    write_chart(tmp_path / "good", {"values.yaml": VALUES})
    engine = engine_of(tmp_path)
    message = message_of(engine, "chart")
    assert "ci/bad-values.yaml (" in message
    assert "ci/port-values.yaml (" in message
    assert status_of(engine, "good", "REF-2") is Status.PASS
