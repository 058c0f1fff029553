"""Findings that a file expects, each with its reason: written by hand, or for a whole tree as a baseline."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from osh_conformance.errors import SuiteError, UsageError
from osh_conformance.loading.files import read_text
from osh_conformance.loading.suggest import did_you_mean
from osh_conformance.loading.yaml import read_values
from osh_conformance.rules import registry

if TYPE_CHECKING:
    from collections.abc import Iterable

    from osh_conformance.model.finding import Finding

#: The key that tells a file of deviations from any other.
MARK = "osh_conformance_deviations"
_LIST = "deviations"
_ANY = "*"
_BASELINE_REASON = "baseline: it was so when the gate was switched on"
_HEADER = """\
# Findings that are expected. `osh-conformance check` with this file as --deviations fails on new ones only, and tells
# which entries match nothing any more. An entry may have `expires: YYYY-MM-DD`; rule and reason are required.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """One entry: which findings are expected, and why. `chart`, `path`, `key` and `container` are patterns (`*`, `?`).

    `path` is relative to the chart. With `id` that one finding is meant, whatever the patterns say. `expires` is the
    last day on which it holds. `file` and `line` say where the entry is.
    """

    rule: str
    reason: str
    chart: str = _ANY
    path: str = _ANY
    key: str = _ANY
    container: str = _ANY
    id: str = ""
    expires: date | None = None
    file: str = ""
    line: int | None = None

    def matches(self, finding: Finding) -> bool:
        """Whether this entry speaks of `finding`, be it expired or not."""
        if self.id:
            return self.id == finding.id
        pairs = (
            (finding.rule, self.rule),
            (finding.chart, self.chart),
            (finding.path_in_chart, self.path),
            (finding.key, self.key),
            (finding.container, self.container),
        )
        return all(fnmatch.fnmatchcase(text, pattern) for text, pattern in pairs)

    def speaks_of(self, chart: str) -> bool:
        """Whether the chart of that name is meant."""
        return fnmatch.fnmatchcase(chart, self.chart)

    def expired(self, today: date) -> bool:
        """Whether its last day has passed."""
        return self.expires is not None and self.expires < today

    @property
    def place(self) -> str:
        """`file:line`."""
        return f"{self.file}:{self.line}" if self.line else self.file

    @property
    def one_chart(self) -> bool:
        """Whether `chart` is a name, not a pattern."""
        return not any(sign in self.chart for sign in "*?[")


class Entries:
    """Deviations, found quickly: a baseline has as many as its tree has findings."""

    def __init__(self, entries: Iterable[Deviation]) -> None:
        self.all = tuple(entries)
        self._by_id: dict[str, list[Deviation]] = {}
        for entry in self.all:
            self._by_id.setdefault(entry.id, []).append(entry)

    def matching(self, finding: Finding) -> list[Deviation]:
        """Return those that speak of `finding`: what names its id first."""
        patterns = [entry for entry in self._by_id.get("", ()) if entry.matches(finding)]
        return [*self._by_id.get(finding.id, ()), *patterns]


_PLACE = ("file", "line")
_FIELDS = tuple(entry.name for entry in fields(Deviation) if entry.name not in _PLACE)


def read(file: Path) -> tuple[Deviation, ...]:
    """Read a file of deviations; raises `UsageError` that says what is wrong with it, and in which line."""
    if not file.is_file():
        raise UsageError(f"the file of deviations {file} does not exist", fix="--write-baseline writes one")
    try:
        text = read_text(file)
        content = read_values(text, str(file)).content
    except SuiteError as error:
        raise UsageError(error.message, expected=error.expected) from error
    for name in content:
        if name not in (MARK, _LIST):
            raise UsageError(f"{file}: no field `{name}`{did_you_mean(str(name), (MARK, _LIST))}")
    entries = content.get(_LIST)
    if content.get(MARK) != 1 or not isinstance(entries, list):
        raise UsageError(f"{file}: no file of deviations", expected=f"`{MARK}: 1` and a list `{_LIST}`")
    shown = str(file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file)
    return tuple(_deviation(entry, shown, line) for entry, line in zip(entries, _lines_of_entries(text), strict=True))


def baseline(findings: Iterable[Finding], known: Iterable[Deviation] = ()) -> str:
    """Return a file that expects `findings`, and what `known` expects already: those keep their words."""
    kept = Entries(known)
    # Cells may find different things of one id.
    added = {finding.id: _expecting(finding) for finding in findings if not kept.matching(finding)}
    entries = [_written(entry) for entry in (*kept.all, *added.values())]
    entries.sort(key=lambda entry: [str(entry.get(name, "")) for name in ("chart", "rule", "path", "key", "id")])
    content = yaml.safe_dump(
        {MARK: 1, _LIST: entries}, sort_keys=False, allow_unicode=True, width=10_000, default_flow_style=False
    )
    return _HEADER + content


def _expecting(finding: Finding) -> Deviation:
    return Deviation(
        id=finding.id,
        rule=finding.rule,
        chart=finding.chart,
        path=finding.path_in_chart,
        key=finding.key,
        container=finding.container,
        reason=_BASELINE_REASON,
    )


def _written(entry: Deviation) -> dict[str, Any]:
    values = {name: getattr(entry, name) for name in ("id", *_FIELDS)}
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in values.items()
        if value not in (None, "", _ANY)
    }


def _deviation(entry: Any, file: str, line: int) -> Deviation:
    where = f"{file}:{line}"
    if not isinstance(entry, dict):
        raise UsageError(f"{where}: a deviation is a mapping", expected=f"fields {', '.join(_FIELDS)}")
    for name in entry:
        if name not in _FIELDS:
            raise UsageError(f"{where}: no field `{name}`{did_you_mean(str(name), _FIELDS)}")
    for name in ("rule", "reason"):
        if not entry.get(name):
            raise UsageError(f"{where}: the deviation has no {name}", expected=f"`{name}: ...`")
    values = {name: str(value) for name, value in entry.items() if name not in ("expires", "rule")}
    return Deviation(**values, rule=_rule(str(entry["rule"]), where), expires=_date(entry, where), file=file, line=line)


def _rule(name: str, where: str) -> str:
    known = registry.all_rules()
    if name.upper() not in known:
        raise UsageError(f"{where}: no rule `{name}`{did_you_mean(name, known)}", expected=", ".join(known))
    return name.upper()


def _date(entry: dict[str, Any], where: str) -> date | None:
    text = entry.get("expires")
    if text is None:
        return None
    try:
        return date.fromisoformat(str(text))
    except ValueError:
        raise UsageError(f"{where}: `expires: {text}` is no date", expected="YYYY-MM-DD") from None


def _lines_of_entries(text: str) -> list[int]:
    """The line of each entry of the list; `text` is known to parse."""
    node: Any = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    entries = next(value for key, value in node.value if key.value == _LIST)
    return [entry.start_mark.line + 1 for entry in entries.value]
