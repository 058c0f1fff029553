"""`.helmignore`: which files of a chart directory are not part of the chart."""

from __future__ import annotations

import re
from dataclasses import dataclass

from osh_conformance.errors import SuiteError

#: Patterns that Helm ignores in every chart.
_DEFAULTS = ("templates/.?*",)
_TOKEN = re.compile(r"\\(?P<plain>.)|(?P<star>\*)|(?P<any>\?)|\[(?P<set>[^\]]+)\]|(?P<other>.)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pattern:
    match: re.Pattern[str]
    negated: bool
    only_folders: bool
    whole_path: bool


class Ignored:
    """The patterns of one chart."""

    def __init__(self, text: str) -> None:
        """Read a `.helmignore`; raises `SuiteError` for a pattern that Helm refuses too."""
        lines = [line.strip() for line in text.splitlines()]
        self._patterns = [_pattern(line) for line in (*lines, *_DEFAULTS) if line and not line.startswith("#")]

    def __call__(self, path: str, *, folder: bool) -> bool:
        """Return whether the file or folder at `path`, relative to the chart, is ignored."""
        name = path.rpartition("/")[2]
        for pattern in self._patterns:
            matches = pattern.match.fullmatch(path if pattern.whole_path else name) is not None
            if pattern.negated:
                # As in Helm: a negated pattern ignores every path that it does *not* match.
                if (pattern.only_folders and not folder) or not matches:
                    return True
            elif matches and (folder or not pattern.only_folders):
                return True
        return False


def _pattern(line: str) -> _Pattern:
    if "**" in line:
        raise SuiteError(f".helmignore: {line}: Helm does not support `**`", fix="name the folders one by one")
    negated = line.startswith("!")
    rule = line[1:] if negated else line
    only_folders = rule.endswith("/")
    rule = rule.removesuffix("/")
    return _Pattern(
        match=re.compile(_regex(rule.removeprefix("/")), re.DOTALL),
        negated=negated,
        only_folders=only_folders,
        whole_path="/" in rule,
    )


def _regex(pattern: str) -> str:
    """Translate a pattern of Go's `filepath.Match`: no wildcard crosses a slash."""
    parts = []
    for token in _TOKEN.finditer(pattern):
        if token["star"]:
            parts.append("[^/]*")
        elif token["any"]:
            parts.append("[^/]")
        elif token["set"]:
            inside = token["set"].replace("\\", "\\\\")
            parts.append(f"(?!/)[{inside}]")
        else:
            parts.append(re.escape(token["plain"] or token["other"]))
    return "".join(parts)
