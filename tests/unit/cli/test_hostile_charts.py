"""Charts whose every name and message is hostile, from the command line to each output."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from osh_conformance.cli import main
from tests.unit.cli.reports import document_of
from tests.unit.hostile_texts import HOSTILE, hostile_tree, problems

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hostile_tree(tmp_path_factory.mktemp("hostile"))


@pytest.mark.parametrize("more", [(), ("--statistics",), ("-q",)], ids=["default", "statistics", "quiet"])
def test_check_prints_and_writes_nothing_that_is_obeyed(
    tree: Path, more: tuple[str, ...], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    report, junit = tmp_path / "r.json", tmp_path / "r.xml"
    assert main(["check", str(tree), *more, "--json", str(report), "--junit", str(junit)]) == 1
    said = capfd.readouterr()
    assert said.out
    assert problems(said.out + said.err.replace("\r", "").replace("\x1b[K", "")) == []
    assert problems(report.read_text()) == []
    assert [line for line in junit.read_text().split("\n") if "\x1b" in line or line.lstrip().startswith("::")] == []
    ET.parse(junit)  # noqa: S314  (we wrote it)
    assert len(document_of(report)["findings"]) >= 2 * len(HOSTILE)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_one_hostile_chart_is_printed_in_full(tree: Path, text: str, capfd: pytest.CaptureFixture[str]) -> None:
    number = list(HOSTILE.values()).index(text)
    (chart,) = tree.glob(f"{number}-*")
    main(["check", str(chart), str(tree / f"fails-{number}")])
    said = capfd.readouterr()
    assert "FAIL" in said.out
    assert problems(said.out) == []


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_option_is_harmless_in_its_error(text: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--select", text, f"--config={text}", text]) == 4
    assert problems(capfd.readouterr().err) == []
