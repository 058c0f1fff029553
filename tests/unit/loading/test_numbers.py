"""Numbers as Helm reads and writes them; each row was seen in the output of `helm template`."""

from __future__ import annotations

import pytest

from osh_conformance.loading.numbers import number, written
from osh_conformance.loading.yaml import read_chart_values

_WRITTEN = {
    "17": "17",
    "1.5": "1.5",
    "1.10": "1.1",
    "1.0": "1",
    "1e3": "1000",
    "20240101": "2.0240101e+07",
    "1000000": "1e+06",
    "999999": "999999",
    "999999.0": "999999",
    "123456789012345678901234567890": "1.2345678901234568e+29",
    "010": "8",
    "08": "8",
    "0o14": "12",
    "0x10": "16",
    "0b11": "3",
    "1_000": "1000",
    "1_": "1",
    ".5": "0.5",
    "5.": "5",
    "+1": "1",
    "-1": "-1",
    "-0": "0",
    "0.0001": "0.0001",
    "0.00001": "1e-05",
    "100000.50": "100000.5",
    "1234567.5": "1.2345675e+06",
}


@pytest.mark.parametrize(("text", "shown"), _WRITTEN.items())
def test_a_number_is_written_as_go_does(text: str, shown: str) -> None:
    assert written(text)[0] == shown


def test_a_whole_number_may_also_be_written_in_full() -> None:
    assert "20240101" in written("20240101")


@pytest.mark.parametrize("text", ["1:30", "1.10.2", "2024-01-02", "v1", "_1", "0o9", "0b2", "1e400", "", "-", ".inf"])
def test_a_text_that_helm_reads_as_a_text_is_no_number(text: str) -> None:
    assert number(text) is None
    assert written(text) == ()


def test_values_keep_the_text_of_each_number_that_has_no_quotes() -> None:
    values = read_chart_values("a: 1.10\nb: '1.10'\nc: {d: 010}\ne:\n- {f: 1e3, g: x}\n- 7\n", "values.yaml")
    assert values.numbers == {"a": "1.10", "c.d": "010", "e[0].f": "1e3", "e[1]": "7"}
    assert values.lines["e[0].f"] == 5
    assert "e[0].g" not in values.lines


def test_of_a_key_given_twice_the_last_number_counts() -> None:
    values = read_chart_values("a: {b: 1.10, c: 2.0}\na: {b: '1.1'}\n", "values.yaml")
    assert values.numbers == {}
