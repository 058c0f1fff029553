"""Opt-outs: comments `# osh-conformance: ignore RULE reason` in a chart, with which its author switches a rule off.

In a values file, a comment beside a key or on the lines above it covers that key and all keys below it. A comment with
an empty line after it covers the whole file. In a template, a comment covers what the template renders.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from osh_conformance.charts import conventions
from osh_conformance.errors import SuiteError
from osh_conformance.loading.suggest import did_you_mean
from osh_conformance.loading.yaml import read_chart_values
from osh_conformance.rules import registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from osh_conformance.charts.target import ChartTarget
    from osh_conformance.model.finding import Finding

_WORD = "ignore"
_MARK = b"osh-conformance"
_COMMENT = re.compile(r"(?:#|/\*-?)\s*osh-conformance\s*:\s*(?P<word>\S*)\s*(?P<rest>.*)$")
#: The same without the colon; words of prose do not look like the id of a rule.
_WITHOUT_COLON = re.compile(r"(?:#|/\*-?)\s*osh-conformance\s+(?P<word>ignore)\s+(?P<rest>[A-Za-z]+-[0-9]+.*)$")
#: Rules with commas, then the reason.
_RULES = re.compile(r"(?P<names>\S*?(?:\s*,\s*[^\s,]+)*)(?:\s+(?P<reason>.*))?$")
_END = re.compile(r"\s*\*/\s*-?\}\}.*$|\s*\*/\s*$")
_YAML = (".yaml", ".yml")
_TEMPLATES = "templates"
_SUFFIXES = (*_YAML, ".tpl", ".txt")
_MAX_BYTES = 4 * 1024 * 1024
#: How an opt-out is written.
FORM = "# osh-conformance: ignore RULE[,RULE...] reason"


@dataclass(frozen=True, slots=True, kw_only=True)
class OptOut:
    """One rule that a comment switches off.

    - path: relative to the chart.
    - keys: dotted paths that the comment covers; none means the whole file.
    - problem: what is wrong with the comment, "" if nothing is. A wrong comment switches nothing off.
    - rule: "" if the comment names no known rule.
    """

    rule: str
    reason: str
    path: str
    line: int
    keys: tuple[str, ...] = ()
    problem: str = ""

    def matches(self, finding: Finding) -> bool:
        """Whether this comment covers `finding`."""
        if self.problem or finding.rule != self.rule or self.path not in finding.paths_in_chart:
            return False
        return not self.keys or any(f"{finding.key}.".startswith(f"{key}.") for key in self.keys)


def read(target: ChartTarget) -> tuple[OptOut, ...]:
    """Return the opt-outs in the files of a chart, not in those of its dependencies; raises `SuiteError`."""
    return tuple(found for path, content in _files(target) for found in _opt_outs(path, content))


def read_beside(chart: Path, path: str) -> tuple[OptOut, ...]:
    """Return the opt-outs of a values override outside of the chart; `path` is relative to the chart."""
    file = chart / path
    if file.is_symlink() or not file.is_file() or file.stat().st_size > _MAX_BYTES:
        return ()
    return tuple(_opt_outs(path, file.read_text(encoding="utf-8", errors="replace")))


def _files(target: ChartTarget) -> Iterator[tuple[str, str]]:
    """Yield the chart's own files that contain an opt-out, by path in the chart, and its values overrides."""
    files = dict(target.files.files)
    # A chart's .helmignore often names its overrides, so that they are no files of the chart.
    patterns = conventions.override_patterns(target.convention, target.files.name, target.others)
    inside = (pattern for pattern in patterns if not pattern.startswith("../"))
    files.update(target.reader.beside(target.path, inside, target.root))
    for path, content in sorted(files.items()):
        if path.startswith("charts/") or not path.endswith(_SUFFIXES) or len(content) > _MAX_BYTES:
            continue
        if _MARK in content:
            yield path, content.decode(errors="replace")


def _opt_outs(path: str, text: str) -> Iterator[OptOut]:
    lines = text.splitlines()
    keys: dict[int, list[str]] | None = None
    for number, line in enumerate(lines, 1):
        comment = _COMMENT.search(line) or _WITHOUT_COLON.search(line)
        if comment is None:
            continue
        covered: tuple[str, ...] = ()
        if path.endswith(_YAML) and not path.startswith(f"{_TEMPLATES}/"):
            keys = _keys_by_line(path, text) if keys is None else keys
            covered = _covered(lines, number, comment.start(), keys)
        slip = "no colon after `osh-conformance`" if comment.re is _WITHOUT_COLON else ""
        rest = _END.sub("", comment["rest"]).strip()
        for found in _read_comment(comment["word"], rest, path, number, covered):
            yield replace(found, problem=slip) if slip and not found.problem else found


def _read_comment(word: str, rest: str, path: str, line: int, keys: tuple[str, ...]) -> Iterator[OptOut]:
    known = registry.all_rules()
    if word != _WORD:
        problem = f"`osh-conformance: {word}` is no opt-out{did_you_mean(word, [_WORD])}"
        yield OptOut(rule="", reason="", path=path, line=line, problem=problem)
        return
    parts = _RULES.match(rest)
    names = [name.strip().upper() for name in (parts["names"] if parts else rest).split(",")]
    reason = ((parts and parts["reason"]) or "").strip()
    first = reason.partition(" ")[0].strip(",").upper()
    for name in (*names, first) if first in known else names:
        problem = "" if reason else f"the opt-out of {name} gives no reason"
        if first in known:
            problem = f"no comma between {names[-1]} and {first}"
        if name not in known:
            problem = f"no rule `{name}`{did_you_mean(name, known)}" if name else "a rule is missing"
        yield OptOut(
            rule=name if name in known else "", reason=reason, path=path, line=line, keys=keys, problem=problem
        )


def _keys_by_line(path: str, text: str) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    try:
        lines = read_chart_values(text, path).lines
    except SuiteError:
        return found  # a values override that does not parse is reported elsewhere
    for key, line in lines.items():
        found.setdefault(line, []).append(key)
    return found


def _covered(lines: list[str], number: int, start: int, keys: dict[int, list[str]]) -> tuple[str, ...]:
    """The keys that a comment in line `number`, at column `start`, stands beside."""
    if lines[number - 1][:start].strip():
        return tuple(_nearest(number, keys))
    for below in range(number + 1, len(lines) + 1):
        line = lines[below - 1].strip()
        if not line:
            return ()
        if not line.startswith("#"):
            return tuple(keys.get(below) or _nearest(below, keys))
    return ()


def _nearest(number: int, keys: dict[int, list[str]]) -> list[str]:
    """The keys of that line, or of the last line before it that has any."""
    above = [line for line in keys if line <= number]
    return keys[max(above)] if above else []
