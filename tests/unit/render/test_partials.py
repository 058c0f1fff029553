"""Partials of dependencies that a chart does not use are left out, and nothing changes by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from osh_conformance.errors import SuiteError
from osh_conformance.render.engines.choice import choose
from osh_conformance.render.partials import LeanRenderer, used

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_LIBRARY = "charts/tools/templates"
_FILES = {
    "Chart.yaml": b"apiVersion: v2\nname: a\nversion: 1.0.0\n",
    "values.yaml": b"text: '{{ include \"tools.named\" . }}'\n",
    "templates/a.yaml": b'a: {{ include "tools.used" . }}\nb: {{ tpl .Values.text . }}\n',
    "charts/tools/Chart.yaml": b"apiVersion: v2\nname: tools\nversion: 1.0.0\n",
    f"{_LIBRARY}/_used.tpl": b'{{ define "tools.used" }}{{ template "tools.deep" . }}{{ end }}',
    f"{_LIBRARY}/_deep.tpl": b'{{ define "tools.deep" }}deep{{ end }}',
    f"{_LIBRARY}/_named.tpl": b'{{ define "tools.named" }}named{{ end }}',
    f"{_LIBRARY}/_other.tpl": b'{{ define "tools.other" }}{{ include "tools.deep" . }}{{ end }}',
}


def _rendered(files: Mapping[str, bytes], folder: Path, times: int = 2) -> list[dict[str, str]]:
    folder.mkdir()
    renderer = LeanRenderer(choose(), files, folder)
    try:
        return [renderer.render(folder, {}) for _ in range(times)]
    finally:
        renderer.close()


def test_partials_are_in_use_if_a_file_in_use_names_them() -> None:
    assert _FILES.keys() - used(_FILES).keys() == {f"{_LIBRARY}/_other.tpl"}


def test_all_partials_that_define_a_name_stay() -> None:
    files = {**_FILES, f"{_LIBRARY}/_again.tpl": b'{{ define "tools.deep" }}deeper{{ end }}'}
    assert f"{_LIBRARY}/_again.tpl" in used(files)


def test_a_chart_renders_the_same_without_what_it_does_not_use(tmp_path: Path) -> None:
    first, second = _rendered(_FILES, tmp_path / "a")
    assert first == second == {"a/templates/a.yaml": "a: deep\nb: named\n"}
    assert (tmp_path / "a" / "lean.tgz").exists()


def test_a_partial_with_a_computed_name_is_found(tmp_path: Path) -> None:
    files = {**_FILES, "templates/a.yaml": b'a: {{ include (printf "tools.%s" "other") . }}\n'}
    assert _rendered(files, tmp_path / "a") == [{"a/templates/a.yaml": "a: deep\n"}] * 2


def test_a_partial_that_does_not_parse_fails_though_unused(tmp_path: Path) -> None:
    files = {**_FILES, f"{_LIBRARY}/_other.tpl": b'{{ define "tools.other" }}{{ if }}{{ end }}'}
    with pytest.raises(SuiteError, match=r"_other\.tpl"):
        _rendered(files, tmp_path / "a")
