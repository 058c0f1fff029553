"""Opt-outs that a chart's author writes into the chart: `# osh-conformance: ignore RULE reason`.

In a values file the comment stands beside a key (or on the lines above it) and covers that key and all below it; alone,
with an empty line after it, it covers the file. In a template it covers what that template renders.
"""

from __future__ import annotations

import os
import re
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from osh_conformance.errors import SuiteError
from osh_conformance.loading.suggest import did_you_mean
from osh_conformance.loading.yaml import read_values
from osh_conformance.rules import registry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from osh_conformance.model.finding import Finding

_WORD = "ignore"
_MARK = b"osh-conformance:"
_COMMENT = re.compile(r"(?:#|/\*-?)\s*osh-conformance:\s*(?P<word>\S*)\s*(?P<rest>.*)$")
_END = re.compile(r"\s*\*/\s*-?\}\}.*$|\s*\*/\s*$")
_YAML = (".yaml", ".yml")
_TEMPLATES = "templates"
_SUFFIXES = (*_YAML, ".tpl", ".txt")
_MAX_BYTES = 4 * 1024 * 1024
#: How an opt-out is written.
FORM = "# osh-conformance: ignore RULE reason"


@dataclass(frozen=True, slots=True, kw_only=True)
class OptOut:
    """One rule that a comment switches off. `path` is relative to the chart; no `keys` means the whole file.

    `problem` says what is wrong with the comment: then it switches nothing off. `rule` is empty if it names none.
    """

    rule: str
    reason: str
    path: str
    line: int
    keys: tuple[str, ...] = ()
    problem: str = ""

    def matches(self, finding: Finding) -> bool:
        """Whether this comment covers `finding`."""
        if self.problem or finding.rule != self.rule or finding.path_in_chart != self.path:
            return False
        return not self.keys or any(f"{finding.key}.".startswith(f"{key}.") for key in self.keys)


def read(chart: Path) -> tuple[OptOut, ...]:
    """Return the opt-outs of a chart, a directory or a `.tgz` that is known to be sound."""
    return tuple(found for path, content in _files(chart) for found in _opt_outs(path, content))


def read_beside(chart: Path, path: str) -> tuple[OptOut, ...]:
    """Return the opt-outs of a file that lies beside the chart, `path` relative to it: a values override."""
    file = chart / path
    if file.is_symlink() or not file.is_file() or file.stat().st_size > _MAX_BYTES:
        return ()
    return tuple(_opt_outs(path, file.read_text(encoding="utf-8", errors="replace")))


def _files(chart: Path) -> Iterator[tuple[str, str]]:
    """The files of the chart itself that speak to us, by their place in it."""
    for path, content in _archived(chart) if chart.is_file() else _in_folder(chart):
        if _MARK in content:
            yield path, content.decode(errors="replace")


def _in_folder(chart: Path) -> Iterator[tuple[str, bytes]]:
    # A symlink may lead anywhere: what is behind it is not read.
    for place, folders, files in os.walk(chart):
        folder = Path(place)
        is_top = folder == chart
        folders[:] = sorted(name for name in folders if not name.startswith(".") and not (is_top and name == "charts"))
        for name in sorted(files):
            file = folder / name
            if name.endswith(_SUFFIXES) and not file.is_symlink() and file.stat().st_size <= _MAX_BYTES:
                yield file.relative_to(chart).as_posix(), file.read_bytes()


def _archived(archive: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(archive, "r:gz") as tar:
        for member in tar:
            path = member.name.partition("/")[2]
            if member.isfile() and member.size <= _MAX_BYTES and path.endswith(_SUFFIXES):
                content = tar.extractfile(member)
                if content and not path.startswith("charts/"):
                    yield path, content.read()


def _opt_outs(path: str, text: str) -> Iterator[OptOut]:
    lines = text.splitlines()
    keys: dict[int, list[str]] | None = None
    for number, line in enumerate(lines, 1):
        comment = _COMMENT.search(line)
        if comment is None:
            continue
        covered: tuple[str, ...] = ()
        if path.endswith(_YAML) and not path.startswith(f"{_TEMPLATES}/"):
            keys = _keys_by_line(path, text) if keys is None else keys
            covered = _covered(lines, number, comment.start(), keys)
        yield from _read_comment(comment["word"], _END.sub("", comment["rest"]).strip(), path, number, covered)


def _read_comment(word: str, rest: str, path: str, line: int, keys: tuple[str, ...]) -> Iterator[OptOut]:
    names, _, reason = rest.partition(" ")
    known = registry.all_rules()
    if word != _WORD:
        problem = f"`osh-conformance: {word}` says nothing{did_you_mean(word, [_WORD])}"
        yield OptOut(rule="", reason="", path=path, line=line, problem=problem)
        return
    for name in [name.strip().upper() for name in names.split(",")]:
        problem = "" if reason.strip() else f"the opt-out of {name} gives no reason"
        if name not in known:
            problem = f"no rule `{name}`{did_you_mean(name, known)}"
        yield OptOut(
            rule=name if name in known else "",
            reason=reason.strip(),
            path=path,
            line=line,
            keys=keys,
            problem=problem,
        )


def _keys_by_line(path: str, text: str) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    try:
        lines = read_values(text, path).lines
    except SuiteError:
        return found  # a values override that does not parse is the subject of others
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
