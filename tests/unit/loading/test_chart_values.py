"""The values of a chart are read as Helm reads them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml

from osh_conformance.errors import SuiteError
from osh_conformance.loading.yaml import read_chart_values, read_first_document
from osh_conformance.process import Command, run
from tests.unit.helm_program import HELM, needs_helm

if TYPE_CHECKING:
    from pathlib import Path

#: Texts that Helm reads, and others that it refuses.
_READ = (
    "",
    "# nothing\n",
    "a: 1\nb: 2\na: 3\n",
    "a: {x: 1}\na:\n  z: 3\n",
    "a:\n  x: 1\n  x: 2\n",
    "a: 1\n---\nb: 2\n",
    "a: {x: 1, z: 1}\n--- # over\na: {x: 2}\n",
    "# first\n---\na: 1\n",
    "---\n---\na: 1\n",
    "a: 1\n...\nb: 2\n",
    "a: 1\n...\nb: [2\n",
    "a: &x {k: 1}\nb: *x\nc:\n  <<: *x\n  l: 2\n",
    "a: &x {k: 1}\nb: &z {k: 3}\nc:\n  <<: *x\n  <<: *z\n",
    "a: &x {k: 1}\nb: &z {k: 2, m: 3}\nc:\n  <<: [*x, *z]\n",
    "a: &x {k: 1}\nc:\n  k: 5\n  <<: *x\n",
    "a:\t1\n",
    "1: a\n1.5: b\ntrue: c\nyes: e\noff: f\n",
    "a: 0755\nb: 0o755\nc: 0x1F\nd: 1_000\ne: 0b11\nf: 08\ng: -0755\n",
    "a: yes\nb: no\nc: on\nd: off\ne: y\nf: n\ng: Y\nh: TRUE\ni: tRue\n",
    "a: 1e3\nb: 1.\nc: .5\ne: -.5\nf: +1\ng: 1e+3\nh: 1234567890\ni: 1:30\nj: 1.10\nk: 1.0\n",
    "a: 2001-01-01\nb: 2001-12-14t21:59:43.10-05:00\nc: =\n",
    "a: !!str 5\nb: !!int '5'\nc: !foo bar\nd: !!binary aGk=\ne: !foo {a: 1}\n",
    "a: |\n x\n ---\n z\n",
    "a: |\n  x\n---\nb: 1\n",
    "a: 1\r\nb:\r\n  c: 2\r\n---\r\nd: 1\r\n",
)
_REFUSED = (
    "a:\n\tb: 1\n",
    "a: *x\n",
    "a: .inf\n",
    "null: 1\n",
    "? [a]\n: 1\n",
    "- a\n",
    "text\n",
    "a: 1\n---x\nb: 1\n",
    "a: 1\n--- {b: 2}\n",
    "a: 1\n---\nb: [\n",
    "<<: 5\n",
    "a: 'b\n",
)


@needs_helm
@pytest.mark.parametrize("text", _READ)
def test_the_values_are_those_that_helm_reads(tmp_path: Path, text: str) -> None:
    ours = read_chart_values(text, "values.yaml").content
    assert json.loads(yaml.safe_load(_helms(tmp_path, text))["values"]) == ours


@needs_helm
@pytest.mark.parametrize("text", _REFUSED)
def test_a_text_that_helm_refuses_is_an_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(SuiteError, match=r"values\.yaml"):
        read_chart_values(text, "values.yaml")
    assert "values" not in _helms(tmp_path, text)


def _helms(chart: Path, text: str) -> str:
    """What helm prints for a chart with these values."""
    (chart / "templates").mkdir()
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: c\nversion: 1.0.0\n")
    (chart / "templates" / "values.yaml").write_text("values: {{ toJson .Values | quote }}\n")
    (chart / "values.yaml").write_bytes(text.encode())
    return run(Command(argv=[str(HELM), "template", "x", str(chart)]), deadline=60, check=False).stdout


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("a: 1\n", []),
        ("---\na: 1\n...\n# end\n", []),
        ("# first\n---\na: 1\n", []),
        ("a: &x {k: 1}\nc:\n  <<: *x\n  k: 2\n", []),
        ("a: {b: 1}\nc: {b: 1}\n", []),
        ("a: |\n  x: 1\n  x: 2\n", []),
        ("a: 1\nb:\n  c: 2\n  d: 3\n  c: 4\n", [(5, "b.c", "line 3 and line 5")]),
        ("a: 1\n'a': 2\n", [(2, "a", "line 1 and line 2")]),
        ("a: 1\na: 2\na: 3\n", [(2, "a", "line 1 and line 2"), (3, "a", "line 2 and line 3")]),
        ("a: 1\n...\n\nb: 2\n", [(4, "", "`...` of the document in line 2")]),
        ("a: 1\n---\n# what\nb: 2\nb: 3\n", [(5, "b", "line 4 and line 5"), (4, "", "a second document")]),
        ("---\n---\na: 1\n", [(3, "", "a second document")]),
    ],
)
def test_what_tools_read_in_different_ways_is_a_problem_with_its_line(
    text: str, problems: list[tuple[int, str, str]]
) -> None:
    found = read_chart_values(text, "values.yaml").problems
    assert [(problem.line, problem.key) for problem in found] == [(line, key) for line, key, _ in problems]
    for problem, (_, _, words) in zip(found, problems, strict=True):
        assert words in problem.text


def test_of_two_mappings_with_one_key_only_the_last_one_has_lines() -> None:
    values = read_chart_values("a:\n  b: 1\n  c: 2\na:\n  c: 3\n", "values.yaml")
    assert values.content == {"a": {"c": 3}}
    assert values.lines == {"a": 4, "a.c": 5}


def test_a_further_document_has_the_lines_of_the_file() -> None:
    assert read_chart_values("a: 1\n---\n\nb: 2\n", "values.yaml").lines == {"a": 1, "b": 4}
    with pytest.raises(SuiteError, match=r"^values\.yaml:5: "):
        read_chart_values("a: 1\n---\nb: 1\nc: 1\nd: *e\n", "values.yaml")


def test_metadata_are_the_first_document_and_the_last_of_two_keys() -> None:
    assert read_first_document("name: a\nname: b\n---\nname: c\n", "Chart.yaml") == {"name": "b"}
