"""The values that a chart imports from its subcharts, by `import-values` of its dependencies."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from osh_conformance.charts.values import at, merged, placed
from osh_conformance.model.chart import GivenValues
from osh_conformance.render.subcharts import dependencies, files_of_subcharts, values_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from osh_conformance.model.chart import Values

_IMPORTS = "import-values"


def with_imports(values: Values, files: Mapping[str, bytes]) -> tuple[Values, tuple[GivenValues, ...]]:
    """Return the values of a chart over those that it imports, and the files that these come from.

    Raises `SuiteError` for an archive or a values file of a subchart that cannot be read.
    """
    entries = [entry for entry in dependencies(files) if isinstance(entry.get(_IMPORTS), list)]
    if not entries:
        return values, ()
    imported: dict[str, Any] = {}
    given = []
    for folder, (name, own) in files_of_subcharts(files).items():
        for entry in (each for each in entries if each.get("name") == name):
            child, _ = with_imports(values_of(own), own)
            over = at(values.content, str(entry.get("alias") or name))
            content = merged(child.content, over) if isinstance(over, dict) else child.content
            lines: dict[str, int] = {}
            for source, target in _places(entry[_IMPORTS]):
                found = at(content, source)
                if not isinstance(found, dict):
                    continue
                imported = merged(imported, placed(target, found) if target else found)
                lines |= _moved(child.lines, source, target)
            lines = {path: line for path, line in lines.items() if path not in values.lines}
            given.append(GivenValues(path=f"{folder}/values.yaml", lines=lines))
    return replace(values, content=merged(imported, values.content)), tuple(given)


def _places(imports: list[Any]) -> Iterator[tuple[str, str]]:
    """Yield where each import is in the values of the subchart, and where the chart has it: "" is its whole values."""
    for each in imports:
        if isinstance(each, str):
            yield f"exports.{each}", ""
        elif isinstance(each, dict) and each.get("child"):
            yield str(each["child"]), str(each.get("parent") or "").strip(".")


def _moved(lines: Mapping[str, int], source: str, target: str) -> dict[str, int]:
    prefix = f"{target}." if target else ""
    return {
        prefix + path.removeprefix(f"{source}."): line for path, line in lines.items() if path.startswith(f"{source}.")
    }
