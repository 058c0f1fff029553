"""Templates changed so that a rendering shows what would else need another time, or another revision of the release."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    Change = Callable[[str], str]

_ACTION: Final = re.compile(r"\{\{(?!-?\s*/\*).*?\}\}", re.DOTALL)
#: Texts in an action, which stay, and the parts between them.
_TEXT: Final = re.compile(r"""("(?:\\.|[^"\\])*"|`[^`]*`)""", re.DOTALL)
_NOW: Final = re.compile(r"(?<![\w.$-])now(?![\w-])")
#: A variable or `.` leads to the release, or is it; what is in parentheses is left as it is.
_REVISION: Final = re.compile(r"(?<![\w.$)])(?:\$\w*|\.\w+)?(?:\.\w+)*\.Release\.Revision\b")
_RELEASE: Final = re.compile(r"\$(\w+)\s*:?=\s*[$.\w]*\.Release\s*-?\}\}")
#: The files with templates.
_CHANGES: Final = re.compile(r"(^|/)(templates/.+|values\.yaml)$")
_DEFINE: Final = re.compile(r"\{\{-?\s*define\s+[\"`]([^\"`]+)[\"`]\s*-?\}\}")
_INCLUDE: Final = re.compile(r"\b(?:include|template)\s+[\"`]([^\"`]+)[\"`]")
#: What renders a text that comes from values.
_TEMPLATED: Final = re.compile(r"\btpl\b")
#: How the functions `now` and `.Release.Revision` are replaced: by an earlier day, and by the first upgrade.
_EARLIER: Final = '(toDate "2006-01-02" "2001-02-03")'
_UPGRADED: Final = "2"


def asks_for_clock(paths: Iterable[str], templates: Mapping[str, str]) -> bool:
    """Whether one of the templates in `paths`, or what it includes, asks for the time."""
    return any(at_another_time(text) != text for text in _reached(paths, templates))


def asks_for_upgrade(templates: Mapping[str, str]) -> bool:
    """Whether a template may render another manifest as an upgrade."""
    words = ("IsUpgrade", "IsInstall", ".Revision")
    return any(word in text for text in templates.values() for word in words)


def _reached(paths: Iterable[str], templates: Mapping[str, str]) -> Iterable[str]:
    named = {name: text for source in templates.values() for name, text in _named(source)}
    waiting = [templates[path] for path in paths if path in templates]
    seen: set[str] = set()
    while waiting:
        text = waiting.pop()
        yield text
        if _TEMPLATED.search(text):
            yield templates.get("values.yaml", "")
        new = set(_INCLUDE.findall(text)) - seen
        seen |= new
        waiting += [named[name] for name in new if name in named]


def _named(source: str) -> list[tuple[str, str]]:
    """Return the named templates of a file with what is between their start and the next one's."""
    starts = list(_DEFINE.finditer(source))
    ends = [*(each.start() for each in starts[1:]), len(source)]
    return [(start[1], source[start.end() : end]) for start, end in zip(starts, ends, strict=False)]


def at_another_time(text: str) -> str:
    """Return a template as it would be at another time."""
    return _ACTION.sub(lambda action: _outside_texts(action[0], _NOW, _EARLIER), text)


def of_an_upgrade(text: str) -> str:
    """Return a template as it would be for the second revision of a release."""
    for name in set(_RELEASE.findall(text)):
        of_name = re.compile(rf"(?<![\w.$])\${name}\.Revision\b")
        text = _ACTION.sub(lambda action, each=of_name: _outside_texts(action[0], each, _UPGRADED), text)  # type: ignore[misc]
    return _ACTION.sub(lambda action: _outside_texts(action[0], _REVISION, _UPGRADED), text)


def _outside_texts(action: str, pattern: re.Pattern[str], new: str) -> str:
    parts = _TEXT.split(action)
    # `split` gives the texts at the odd places.
    parts[::2] = [pattern.sub(new, part) for part in parts[::2]]
    return "".join(parts)


def rewritten(files: Mapping[str, bytes], change: Change) -> dict[str, bytes]:
    """Return the files of a chart with every template changed, those in its values too."""
    return {path: _changed(data, change) if _CHANGES.search(path) else data for path, data in files.items()}


def _changed(data: bytes, change: Change) -> bytes:
    return change(data.decode(errors="surrogateescape")).encode(errors="surrogateescape")
