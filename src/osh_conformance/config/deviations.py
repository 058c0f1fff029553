"""Expected findings, each with its reason: a file that people write, or a baseline that the suite writes."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import TYPE_CHECKING, Any

import yaml

from osh_conformance.errors import SuiteError, UsageError
from osh_conformance.here import from_here
from osh_conformance.loading import records
from osh_conformance.model.field_values import RULES, RuleId
from osh_conformance.rules import registry

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from osh_conformance.loading.records import Content
    from osh_conformance.model.finding import Finding

#: The key that tells a file of deviations from any other.
MARK = "osh_conformance_deviations"
_LIST = "deviations"
_FLAG = "dormant"
#: The pattern that matches anything.
ANY = "*"
_BASELINE_REASON = "baseline: it was so when the gate was switched on"
_HEADER = """\
# Expected findings. With this file as --deviations, `osh-conformance check` fails on new findings only, and reports
# entries that no longer match a finding. Rule and reason are required; `expires: YYYY-MM-DD` is an entry's last day.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedFinding:
    """One entry of a file of deviations. Patterns have `*` and `?`."""

    rule: RuleId
    """The id of the rule."""
    reason: str
    """Why the finding is expected."""
    chart: str = ANY
    """A pattern for the chart's name."""
    path: str = ANY
    """A pattern for the finding's file, relative to the chart."""
    key: str = ANY
    """A pattern for the finding's key."""
    container: str = ANY
    """A pattern for the finding's container."""
    id: str = ""
    """The id of one finding. With it, the patterns do not count."""
    also: tuple[str, ...] = ()
    """With `id`: further keys of that file which the finding was about. If a change of tags splits the finding, each
    part is expected."""
    cause: str = ""
    """With `id`: what distinguished the finding from others of its rule at that place."""
    dormant: bool = False
    """Whether the chart has the finding only after a bump of the tags that it ships. Such an entry is never stale."""
    found: str = ""
    """With `id`: a note of what was found when the entry was written. It is not compared."""
    expires: date | None = None
    """The last day on which the entry counts, `YYYY-MM-DD`; by default it has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviationsFile:
    """Expected findings, each with its reason."""

    osh_conformance_deviations: int
    """The version of this layout: `1`."""
    deviations: tuple[ExpectedFinding, ...]
    """The entries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation(ExpectedFinding):
    """An entry, with the file and the line in which it begins."""

    file: str = ""
    line: int | None = None

    def matches(self, finding: Finding) -> bool:
        """Whether this entry matches `finding`, expired or not."""
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

    def covers(self, finding: Finding, key: str) -> bool:
        """Whether the finding of this entry, which has an id, was about that key in the file of `finding` too."""
        mine = (self.rule, self.chart, self.path, self.container, self.cause)
        others = (finding.rule, finding.chart, finding.path_in_chart, finding.container or ANY, finding.cause)
        return mine == others and key in (self.key, *self.also)

    def speaks_of(self, chart: str) -> bool:
        """Whether the entry applies to the chart of that name."""
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
    """Deviations by the id of their finding: a baseline has one for each finding of its tree."""

    def __init__(self, entries: Iterable[Deviation]) -> None:
        self.all = tuple(entries)
        self._by_id: dict[str, list[Deviation]] = {}
        self._of_keys: dict[tuple[str, str], list[Deviation]] = {}
        for entry in self.all:
            self._by_id.setdefault(entry.id, []).append(entry)
            if entry.id and entry.key != ANY:
                self._of_keys.setdefault((entry.rule, entry.path), []).append(entry)

    def matching(self, finding: Finding) -> list[tuple[Deviation, ...]]:
        """Return the entries that match `finding`: those with its id, patterns, and several that share its keys.

        All entries of one tuple are needed for the match.
        """
        parts = self._parts(finding)
        shared = [tuple(dict.fromkeys(part for part in parts if part))] if parts and None not in parts else []
        return [(entry,) for entry in self._whole(finding)] or shared

    def about(self, finding: Finding) -> tuple[Deviation, ...]:
        """Return the entries that match `finding`, or that expect one of its keys."""
        return (*self._whole(finding), *(part for part in self._parts(finding) if part))

    def _whole(self, finding: Finding) -> tuple[Deviation, ...]:
        """Return the entries with the id of `finding`, then the patterns that match it."""
        return (*self._by_id.get(finding.id, ()), *(e for e in self._by_id.get("", ()) if e.matches(finding)))

    def _parts(self, finding: Finding) -> list[Deviation | None]:
        """Return for each key of `finding` an entry that expected it, None for one without.

        A change of tags divides the findings about several keys of one file anew.
        """
        known = self._of_keys.get((finding.rule, finding.path_in_chart), ())
        if finding.subject or not (finding.also or any(entry.also for entry in known)):
            return []  # of two charts with one name, only ids say which is meant
        keys = (finding.key, *finding.also)
        return [next((entry for entry in known if entry.covers(finding, key)), None) for key in keys]


class _Dumper(yaml.SafeDumper):
    """Quotes an id such as `1675216e28492695`, which is a number for every reader of YAML but PyYAML."""


_Dumper.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"[0-9]+e[0-9]+"), list("0123456789"))
_FIELDS = tuple(entry.name for entry in fields(ExpectedFinding))


def read(file: Path) -> tuple[Deviation, ...]:
    """Read a file of deviations; raises `UsageError` with the line and the field of the first mistake."""
    if not file.is_file():
        raise UsageError(f"the file of deviations {file} does not exist", fix="--write-baseline writes one")
    try:
        content = records.read(file, {RULES: registry.all_rules()})
    except SuiteError as error:
        raise UsageError(error.message, expected=error.expected) from error
    entries = content.fields.get(_LIST)
    if (content.fields.get(MARK) != 1 or not isinstance(entries, list)) and set(content.fields) <= {MARK, _LIST}:
        raise UsageError(f"{file}: no file of deviations", expected=f"`{MARK}: 1` and a list `{_LIST}`")
    tidy = [_tidied(entry) for entry in entries] if isinstance(entries, list) else entries
    _check_reasons(content, tidy)
    found = records.convert(DeviationsFile, replace(content, fields={**content.fields, _LIST: tidy}))
    shown = from_here(file)
    return tuple(
        _placed(entry, shown, content.lines.get(f"{_LIST}[{number}]")) for number, entry in enumerate(found.deviations)
    )


def _tidied(entry: Any) -> Any:
    """Accept a number where a text is expected, and a rule in lower case; leave out what is empty."""
    if not isinstance(entry, dict):
        return entry
    texts = {
        name: value if isinstance(value, dict | list) or name == _FLAG else str(value)
        for name, value in entry.items()
        if value not in (None, "")
    }
    rule = texts.get("rule")
    return {**texts, "rule": rule.upper()} if isinstance(rule, str) else texts


def _check_reasons(content: Content, entries: Any) -> None:
    """Raise `UsageError` for a reason without a word."""
    for number, entry in enumerate(entries if isinstance(entries, list) else ()):
        if isinstance(entry, dict) and isinstance(entry.get("reason"), str) and not entry["reason"].strip():
            where = f"{_LIST}[{number}]"
            raise content.error(
                f"{where}.reason", f"{where}: `reason` is blank", expected="why the finding is expected"
            )


def _placed(entry: ExpectedFinding, file: str, line: int | None) -> Deviation:
    return Deviation(**{name: getattr(entry, name) for name in _FIELDS}, file=file, line=line)


def baseline(findings: Iterable[Finding], known: Iterable[Deviation] = ()) -> tuple[Deviation, ...]:
    """Return the entries of a file that expects `findings`. Those of `known` stay as they are."""
    kept = Entries(known)
    # Cells may find different things of one id.
    added = {finding.id: _expecting(finding) for finding in findings if not kept.matching(finding)}
    return (*kept.all, *added.values())


def written(entries: Iterable[Deviation]) -> str:
    """Return the text of a file of deviations."""
    rows = [_written(entry) for entry in entries]
    rows.sort(key=lambda row: [str(row.get(name, "")) for name in ("chart", "rule", "path", "key", "id")])
    content = yaml.dump({MARK: 1, _LIST: rows}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)
    return _HEADER + content


def _expecting(finding: Finding) -> Deviation:
    return Deviation(
        id=finding.id,
        rule=finding.rule,
        chart=finding.chart,
        path=finding.path_in_chart,
        key=finding.key,
        also=finding.also,
        container=finding.container,
        cause=finding.cause,
        dormant=finding.dormant,
        found=finding.found,
        reason=_BASELINE_REASON,
    )


def _written(entry: Deviation) -> dict[str, Any]:
    values = {name: getattr(entry, name) for name in ("id", *_FIELDS)}
    return {name: _plain(value) for name, value in values.items() if value not in (None, "", ANY, (), False)}


def _plain(value: Any) -> Any:
    """Return a value of an entry as YAML has it."""
    if isinstance(value, date):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value
