"""The output on the terminal, in one of three forms, then tables and a summary.

- By default, a few causes are printed in full. Of many causes in one chart the first of each rule is, the others have a
  line each. Many causes in a tree of charts become an overview of two screens: see `report/overview.py`. What a cluster
  showed is in full there too.
- `full`: every cause in full.
- `concise`: a line `path:line: RULE severity message` for each finding, which editors and review tools understand.

One cause is one entry, with the number of its findings. All text that a chart may bring is made harmless.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from osh_conformance.counting import plural, some
from osh_conformance.errors import ExitCode
from osh_conformance.model.event import RunFinished
from osh_conformance.model.finding import Finding, Status
from osh_conformance.plain import plain
from osh_conformance.report import colour, tables
from osh_conformance.report.causes import causes, place, subject
from osh_conformance.report.messages import concise as concise_line
from osh_conformance.report.messages import messages, short
from osh_conformance.report.overview import hint, overview, worst_charts
from osh_conformance.report.result import RunReport
from osh_conformance.report.summary import statistics as statistics_of
from osh_conformance.report.summary import summary, versions
from osh_conformance.report.words import clipped, known_width, terminal_width, word
from osh_conformance.rules import registry

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from osh_conformance.model.event import Event

_SHOWN_ALIKE = 3
_SHOWN_CHARTS = 4
#: Causes that are printed in full by default: a screen or two.
_SHOWN_IN_FULL = 12
#: Lines about templates that never rendered.
_SHOWN_TEMPLATES = 20
#: Lines of one kind in an overview.
_SHOWN_LINES = 3
_ALL = "all"
#: The report names only a few charts to which a rule does not apply, but all undecided ones.
_SHORTENED = Status.NOT_APPLICABLE
#: Its warnings are in the lines about coverage, many templates in one line.
_COVERAGE_RULE = "RENDER-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The form of the output.

    - full, concise: the form of the findings; neither: by their number.
    - statistics: print how many findings each rule has, instead of the findings.
    - quiet: print only what fails: no warnings, tables, notes and summary.
    """

    full: bool = False
    concise: bool = False
    statistics: bool = False
    quiet: bool = False


class TerminalReporter:
    """Prints the report when the run is over. A live run begins with the table of its cells. Options as in `Form`."""

    def __init__(
        self,
        stream: TextIO,
        *,
        full: bool = False,
        concise: bool = False,
        statistics: bool = False,
        quiet: bool = False,
    ) -> None:
        self._stream = stream
        self._form = Form(full=full, concise=concise, statistics=statistics, quiet=quiet)
        self._report = RunReport()

    def handle(self, event: Event) -> None:
        """Collect the event; print the report after the last one."""
        self._report.handle(event)
        if isinstance(event, RunFinished):
            show(self._report, self._stream, self._form)


def show(run: RunReport, stream: TextIO, form: Form = Form()) -> None:
    """Print the cells and findings of a run, its tables and its summary to `stream`."""
    printer = _Printer(stream)
    is_whole = not (form.quiet or form.concise)
    if is_whole and (cells := tables.cells(run, printer.known_width)):
        printer.lines(*cells.split("\n"), "", *((f"versions: {known}", "") if (known := versions(run)) else ()))
    is_brief = _print_findings(run, printer, form)
    if form.quiet:
        # A CI job that fails says why.
        printer.lines(*(_last_lines(run) if run.exit_code is ExitCode.NOTHING else ()))
        return
    if is_whole and not form.statistics:
        printer.lines(*(_brief_rest(run, printer.width) if is_brief else _rest(run, printer.width)))
    printer.lines(*_last_lines(run))
    if is_brief:
        printer.lines(*hint(printer.width))


def _last_lines(run: RunReport) -> list[str]:
    return [line for line in (run.left_out, *summary(run).splitlines()) if line]


def _print_findings(run: RunReport, printer: _Printer, form: Form) -> bool:
    """Print the findings; return whether as an overview."""
    findings = [finding for finding in run.findings if _is_shown(finding, form)]
    if form.statistics:
        printer.lines(*statistics_of(findings))
    elif form.concise:
        printer.lines(*map(concise_line, findings))
    elif form.full or len(causes(findings)) <= _SHOWN_IN_FULL:
        printer.blocks(messages(findings))
    elif run.charts == 1:
        printer.blocks(_first_of_each_rule(findings))
    else:
        # Nobody wants to run a cluster again to read what it showed.
        live = {*registry.live_rules(), *registry.matrix_rules()} if run.cells else set()
        printer.blocks(messages([finding for finding in findings if _is_of_cell(finding, live)]))
        printer.lines(*overview([finding for finding in findings if not _is_of_cell(finding, live)], printer.width))
        return True
    return False


def _is_of_cell(finding: Finding, live: Collection[str]) -> bool:
    """Whether a finding or an error is of a run on a cluster, whose rules are `live`: none without one."""
    return finding.rule in live or bool(live and finding.status is Status.ERROR)


def _is_shown(finding: Finding, form: Form) -> bool:
    if form.quiet:
        return finding.status in (Status.FAIL, Status.ERROR)
    if finding.status is Status.EXPECTED:
        return False
    return form.concise or form.statistics or not _covered(finding)


def _rest(run: RunReport, width: int) -> Iterator[str]:
    """Yield the lines about expected findings, undecided rules and coverage, and the table of charts and rules."""
    yield from (*expected_lines(run), *_undecided(run), *coverage_lines(run), *_table(run, width))


def _brief_rest(run: RunReport, width: int) -> Iterator[str]:
    """Yield the first lines of each kind, and the worst charts."""
    kinds = (
        (expected_lines(run), "lines about expected findings"),
        (_undecided(run), "lines about rules without a verdict"),
        (_notices(run), "notes"),
    )
    for lines, what in kinds:
        yield from (clipped(line, width) for line in _first(lines, what))
    if run.never_rendered:
        yield f"{plural(run.never_rendered, 'template')} never rendered, so they were not checked (RENDER-1)"
    yield from worst_charts(run, width)
    yield ""


class _Printer:
    """Prints lines to a stream: each harmless, and with the colour of its first word."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._colour = colour.wanted(stream)
        self.known_width = known_width(stream)
        self.width = terminal_width(stream)

    def lines(self, *lines: str) -> None:
        """Print lines."""
        for line in map(plain, lines):
            print(colour.painted(line) if self._colour else line, file=self._stream)

    def blocks(self, blocks: Iterable[str]) -> None:
        """Print blocks of lines, each with an empty line after it."""
        for block in blocks:
            self.lines(*block.split("\n"), "")


def _first_of_each_rule(findings: Iterable[Finding]) -> Iterator[str]:
    """Yield the first cause of each rule in full, with a line for each other one below it."""
    grouped: dict[tuple[str, Status], list[Finding]] = {}
    for finding in findings:
        grouped.setdefault((finding.rule, finding.status), []).append(finding)
    for (_, status), found in grouped.items():
        first, *others = causes(found)
        if status is Status.ERROR:
            yield from messages(found)
        else:
            yield "\n".join([next(messages(first.findings)), *map(short, others)])


def expected_lines(run: RunReport) -> list[str]:
    """Return a line for each expected finding; many of the same rule and reason share a line."""
    alike: defaultdict[tuple[str, str], list[Finding]] = defaultdict(list)
    for finding in run.findings:
        if finding.status is Status.EXPECTED:
            alike[finding.rule, finding.reason].append(finding)
    lines = []
    for (rule, reason), findings in alike.items():
        if len(findings) <= _SHOWN_ALIKE:
            lines += [f"{_heading(finding)}: {reason}" for finding in findings]
        else:
            charts = list(dict.fromkeys(finding.chart for finding in findings))
            lines.append(f"XFAIL {rule}  {some(charts, _SHOWN_CHARTS)}  {len(findings)} findings: {reason}")
    return lines


def _heading(finding: Finding) -> str:
    head = f"{word(finding.status)} {finding.rule}".rstrip()
    return "  ".join(part for part in (head, finding.chart, place(finding), subject(finding)) if part)


def _covered(finding: Finding) -> bool:
    return finding.rule == _COVERAGE_RULE and finding.status is Status.WARNING


def _first(lines: Sequence[str], what: str) -> Iterator[str]:
    """Yield the first lines of a kind, and how many more there are."""
    yield from lines[:_SHOWN_LINES]
    if len(lines) > _SHOWN_LINES:
        yield f"and {len(lines) - _SHOWN_LINES} more {what}"


def _notices(run: RunReport) -> list[str]:
    """Return the notices of the charts, those alike in one line."""
    notices: defaultdict[str, list[str]] = defaultdict(list)
    for each in run.coverage.values():
        for notice in each.notices:
            notices[notice].append(each.chart)
    return [f"note  {some(charts, _SHOWN_CHARTS)}: {notice}" for notice, charts in notices.items()]


def coverage_lines(run: RunReport) -> list[str]:
    """Return the notices of the charts, and the templates that never rendered; those of one name share a line."""
    templates: defaultdict[str, dict[str, list[str]]] = defaultdict(dict)
    for each in run.coverage.values():
        for template in each.never_rendered:
            name = f"templates/{template.template.rpartition('templates/')[2]}"
            templates[name].setdefault(template.guard, []).append(each.chart)
    found = [_never_rendered(name, guards) for name, guards in sorted(templates.items(), key=_most_charts_first)]
    hidden = len(found) - _SHOWN_TEMPLATES
    if hidden > 0:
        found[_SHOWN_TEMPLATES:] = [f"never rendered  {hidden} more; --json FILE has all of them"]
    return [*_notices(run), *found]


def _most_charts_first(item: tuple[str, Mapping[str, Sequence[str]]]) -> tuple[int, str]:
    name, guards = item
    return -sum(map(len, guards.values())), name


def _never_rendered(name: str, guards: Mapping[str, Sequence[str]]) -> str:
    """Return the line about the templates of one name; of several conditions the one of most charts."""
    charts = sorted({chart for found in guards.values() for chart in found})
    guard = max(guards, key=lambda guard: len(guards[guard]))
    others = f"; {plural(len(guards) - 1, 'other condition')}" if len(guards) > 1 else ""
    return f"never rendered  {some(charts, _SHOWN_CHARTS)}: {name}{f'  ({guard}{others})' if guard else ''}"


def _undecided(run: RunReport) -> list[str]:
    """Return a line for each reason why a rule reached no verdict, with its rules and charts."""
    rules: defaultdict[tuple[Status, str, str], list[str]] = defaultdict(list)
    for check in run.checks:
        if check.status in (Status.UNDECIDED, Status.NOT_APPLICABLE):
            rules[check.status, " ".join(check.reason.split()), check.chart].append(check.rule)
    charts: defaultdict[tuple[Status, str, str], list[str]] = defaultdict(list)
    for (status, reason, chart), found in rules.items():
        charts[status, reason, " ".join(sorted(set(found)))].append(chart)
    return [
        f"{status}  {names}  {some(sorted(found), _SHOWN_CHARTS if status is _SHORTENED else len(found))}: {reason}"
        for (status, reason, names), found in sorted(charts.items())
    ]


def _table(run: RunReport, width: int) -> list[str]:
    """Return the table of violations by chart and rule, for a run of several charts.

    Where its columns do not fit side by side, it becomes several tables below each other.
    """
    counts: defaultdict[str, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for finding in run.findings:
        if finding.status is Status.FAIL:
            counts[finding.subject or finding.chart][finding.rule] += 1
    if not counts or run.charts < 2:  # noqa: PLR2004
        return []
    rules = sorted({rule for row in counts.values() for rule in row})
    total = {rule: sum(row[rule] for row in counts.values()) for rule in rules}
    worst_first = sorted(counts.items(), key=lambda item: (-sum(item[1].values()), item[0]))
    rows = {name: {**row, _ALL: sum(row.values())} for name, row in (*worst_first, (_ALL, total))}
    names = {name: clipped(plain(name), width // 3) for name in rows}
    left = max(map(len, names.values()))
    lines: list[str] = []
    for heads in _side_by_side([*rules, _ALL], width - left):
        lines.append(" " * left + "".join(f"  {head:>4}" for head in heads))
        for name, row in rows.items():
            numbers = "".join(f"  {row.get(head) or '-':>{max(len(head), 4)}}" for head in heads)
            lines.append(f"{names[name]:<{left}}{numbers}")
        lines.append("")
    return lines


def _side_by_side(heads: Sequence[str], width: int) -> list[list[str]]:
    """Share columns among tables, so that each is at most `width` wide."""
    tables: list[list[str]] = [[]]
    free = width
    for head in heads:
        needed = max(len(head), 4) + 2
        if needed > free and tables[-1]:
            tables.append([])
            free = width
        tables[-1].append(head)
        free -= needed
    return tables
