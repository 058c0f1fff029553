"""Mutants that hold with some values of an axis, and fail with others: `tests/mutants/flavors` and `runtimes`.

`expect.yaml` beside a mutant names both, and the findings of a cell that fails. In a pattern, the axis's name in braces
is the value of that cell, and `{standard}` the value of the cell that FLAV-1 compares it with.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import yaml

from tests.live.driving import chart
from tests.paths import FLAVOR_MUTANTS, RUNTIME_MUTANTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tests.live.driving import Result


@dataclass(frozen=True, kw_only=True)
class Axis:
    """An axis of the matrix, and the folder of its mutants."""

    name: str
    folder: Path

    def mutants(self, values: Sequence[str]) -> Sequence[str]:
        """Return the names of the mutants that hold with some of these values, and fail with others."""
        return [
            file.parent.name
            for file in sorted(self.folder.glob("*/expect.yaml"))
            if all(set(values) & set(yaml.safe_load(file.read_text())[side]) for side in ("holds", "fails"))
        ]

    def twins(self) -> Sequence[str]:
        """Return the names of the benign twins: they look like mutants, and hold with every value."""
        files = sorted(self.folder.glob("*/expect.yaml"))
        return [file.parent.name for file in files if not yaml.safe_load(file.read_text())["fails"]]

    def tree(self, folder: Path, mutants: Sequence[str]) -> Path:
        """Write these mutants below `folder`, and return the tree of charts."""
        charts = folder / "charts"
        charts.mkdir()
        for name in mutants:
            chart(charts, name, self.folder / name)
        return charts

    def check(self, result: Result, mutant: str, values: Sequence[str]) -> None:
        """Assert what is expected of a mutant or a benign twin with these values."""
        wanted = yaml.safe_load((self.folder / mutant / "expect.yaml").read_text())
        own = [cell for cell in result.document["cells"] if cell["chart"] == mutant]
        cells = {_value(cell["id"].removeprefix(mutant), values): cell["status"] for cell in own}
        holding = [value for value in wanted["holds"] if value in values]
        failing = [value for value in wanted["fails"] if value in values]
        assert holding
        assert failing or not wanted["fails"]
        assert cells == dict.fromkeys(holding, "pass") | dict.fromkeys(failing, "fail")
        found = [finding for finding in result.findings(mutant) if finding["status"] == "fail"]
        assert bool(found) is bool(failing), found
        for value in failing:
            for pattern in wanted["findings"]:
                words = {self.name: value, "standard": min(holding)}
                assert any(_fits(each, pattern, words) for each in found), f"{value}: none fits {pattern} of {found}"


FLAVORS = Axis(name="flavor", folder=FLAVOR_MUTANTS)
RUNTIMES = Axis(name="runtime", folder=RUNTIME_MUTANTS)


def _value(cell: str, values: Sequence[str]) -> str:
    """Return which of these values of an axis a cell has, by its id without the chart: a chart may be named as one."""
    (value,) = [value for value in values if f"-{value}-" in cell]
    return value


def _fits(finding: Mapping[str, Any], pattern: Mapping[str, str], words: Mapping[str, str]) -> bool:
    return all(fnmatchcase(finding[field], text.format(**words)) for field, text in pattern.items())
