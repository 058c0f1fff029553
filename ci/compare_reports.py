"""Compare two JSON reports of the same input: `python -m ci.compare_reports BEFORE.json AFTER.json`.

Shows whether a change to the suite changed its verdicts. Findings are compared on rule, status, severity, chart, path,
line, key, workload and container; cells without seconds, usage and artifacts. Texts and ids are not compared.
Exit code 0: no difference, 1: differences, 4: a file that is no report.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SUMMARY = ("charts", "checks", "pass", "fail", "expected", "warning", "undecided", "not_applicable", "error")
_FINDING = ("rule", "status", "severity", "chart", "path", "line", "key", "workload", "container")
_CELL = ("id", "chart", "flavor", "origin", "format", "runtime", "helm", "status")
_ASSERTION = ("rule", "scenario", "status")
_USAGE = 4


def differences(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    """Yield one line for each difference: `-` stands only in the first report, `+` only in the second."""
    old, new = Counter(_facts(before)), Counter(_facts(after))
    for fact, number in sorted((old - new).items()):
        yield f"- {fact}" + (f"  ({number} times)" if number > 1 else "")
    for fact, number in sorted((new - old).items()):
        yield f"+ {fact}" + (f"  ({number} times)" if number > 1 else "")


def _facts(report: dict[str, Any]) -> Iterator[str]:
    yield from (f"summary  {name}={report['summary'][name]}" for name in _SUMMARY)
    yield from (_fact("finding", finding, _FINDING) for finding in report["findings"])
    for cell in report["cells"]:
        yield _fact("cell", cell, _CELL)
        yield from (f"{_fact('assertion', each, _ASSERTION)}  cell={cell['id']}" for each in cell["assertions"])


def _fact(kind: str, record: dict[str, Any], fields: Iterable[str]) -> str:
    return "  ".join([kind, *(f"{name}={record[name]}" for name in fields)])


def main(argv: list[str]) -> int:
    """Print the differences and a summary; return the exit code."""
    if len(argv) != 2:  # noqa: PLR2004
        print("usage: python -m ci.compare_reports BEFORE.json AFTER.json", file=sys.stderr)
        return _USAGE
    try:
        before, after = (json.loads(Path(file).read_text(encoding="utf-8")) for file in argv)
        lines = list(differences(before, after))
        compared = sum(1 for _ in _facts(before))
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"ERROR {' or '.join(argv)} is no JSON report of osh-conformance: {error!r}", file=sys.stderr)
        return _USAGE
    print("\n".join([*lines, f"{compared} facts compared, {len(lines)} differences"]))
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
