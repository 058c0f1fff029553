"""The text of one template, read without rendering it: its lines, its defines, and the place of each line in YAML.

An action that prints something is one character, `ACTION`; an action that prints nothing is left out. So a line of a
template is a pattern that the lines which it renders fit.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ACTION = "\ue000"
_OPEN, _ELSE, _END = "\ue001", "\ue002", "\ue003"
_TOKEN = re.compile(
    r"\{\{-?\s*/\*.*?\*/\s*-?\}\}|(\{\{(?:\"(?:\\.|[^\"\\])*\"|`[^`]*`|[^\"`}]|\}(?!\}))*\}\})", re.DOTALL
)
_WORD = re.compile(r"\{\{-?\s*([a-z]+)?")
_DEFINE = re.compile(r"\{\{-?\s*(?:define|block)\s+[\"`]([^\"`]+)[\"`]")
_SILENT = re.compile(r"\{\{-?\s*(?:\$\w*\s*:?=|(?:fail|break|continue)\b)")
#: An action that prints a format and does nothing more with it.
_FORMAT = re.compile(
    r"\{\{-?\s*printf\s+\"((?:[^\"%\\]|%[sdv])+)\"[^|\"`]*(?:\"[^\"]*\"[^|\"`]*)*(?:\|\s*s?quote\s*)?-?\}\}"
)
_VERB = re.compile("%[sdv]")
_INCLUDE = re.compile(r"\b(?:include|template|block)\s+(?:\"([^\"]+)\"|`([^`]+)`|(\()|[$.])")
_STRING = re.compile(r"\"((?:\\.|[^\"\\])*)\"|`([^`]*)`")
_WIDTH = re.compile(r"\bn?indent\s+(\d+)")
#: What comes of such an action is a hash: it holds nothing of what it includes.
_HASHED = re.compile(r"\b(?:sha\d+sum|adler32sum)\b")
_INLINE = re.compile(f"{_OPEN}.*{_END}")
_MARKS = re.compile(f"[{_OPEN}{_ELSE}{_END}]")
_KEY = re.compile(r"[\"']?([\w.@/-]+)[\"']?:(?:\s+(.*))?$")
_ITEM = re.compile(r"-(?:\s+|$)")
_BLOCK = re.compile(r"[|>][+-]?\d?[+-]?\s*(?:#.*)?$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a template that prints something.

    - number: from 1.
    - text: without the actions that print nothing.
    - includes: the names that its actions include, "" or "(" for a name that is computed.
    - strings: all texts in its actions.
    - width: the number in its last `indent` or `nindent`, None without one.
    """

    number: int
    text: str
    includes: tuple[str, ...] = ()
    strings: tuple[str, ...] = ()
    width: int | None = None

    @property
    def bare(self) -> bool:
        """Whether only actions print something in this line."""
        return not self.text.replace(ACTION, "").strip()

    @property
    def column(self) -> int:
        """The column (from 0) at which the line, or what its action prints, begins."""
        if self.bare and self.width is not None:
            return self.width
        return len(self.text) - len(self.text.lstrip(" "))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # each is parsed once: its identity is enough
class Part:
    """The lines of a file outside of its defines (`name` is ""), or those of one define.

    - includes: the names that its actions include, "" or "(" for a name that is computed.
    - strings: all texts in its actions.
    """

    file: str
    name: str
    lines: tuple[Line, ...]
    includes: frozenset[str]
    strings: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One key of a mapping, at its place in the YAML of a part.

    - path: the keys that lead to it, `[]` for an entry of a list; the last is its own.
    - value: the text after the colon, "" without one.
    - section: the number (from 0) of the document in the part.
    - item: the number of the innermost entry of a list that it is in, None outside of lists.
    - line: where it is written; of a field that an include brings, the line of the include.
    """

    path: tuple[str, ...]
    value: str
    section: int
    item: int | None
    line: Line

    @property
    def key(self) -> str:
        """The last key of the path, "" for a line that consists of actions only."""
        return self.path[-1]


def define_names(text: str) -> tuple[str, ...]:
    """Return the names of the defines in a template."""
    return tuple(_DEFINE.findall(text))


def open_blocks(text: str, position: int) -> tuple[str, ...]:
    """Return the words of the blocks around a position, outermost first: `if`, `with`, `range`, `block`, `define`."""
    stack: list[str] = []
    for token in _TOKEN.finditer(text, 0, position):
        found = _WORD.match(token[1] or "")
        word = found[1] if found else None
        if word in ("if", "with", "range", "block", "define"):
            stack.append(word)
        elif word == "end" and stack:
            stack.pop()
    return tuple(stack)


@functools.lru_cache(maxsize=1024)
def parts(file: str, text: str) -> tuple[Part, ...]:
    """Split a template into the text outside of its defines, and its defines."""
    reader = _Reader(file)
    start = 0
    for token in _TOKEN.finditer(text):
        reader.add_text(text[start : token.start()])
        reader.add_action(token[1] or "", token[0].count("\n"))
        start = token.end()
    reader.add_text(text[start:])
    return tuple(reader.parts())


class _Reader:
    """Collects masked lines, part by part."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._number = 1
        self._texts: dict[str, dict[int, str]] = {"": {}}
        self._actions: dict[str, list[tuple[int, str, bool]]] = {"": []}
        self._stack: list[str | None] = []
        self._name = ""

    def add_text(self, text: str) -> None:
        first, *others = text.split("\n")
        self._put(first)
        for line in others:
            self._number += 1
            self._put(line)

    def _put(self, text: str) -> None:
        if text:
            lines = self._texts[self._name]
            lines[self._number] = lines.get(self._number, "") + text

    def add_action(self, action: str, newlines: int) -> None:
        found = _WORD.match(action)
        word = found[1] if found else None
        if word == "define":
            self._begin(action)
        elif word in ("if", "range", "with", "block"):
            self._stack.append(None)
            self._note(action, "" if word == "block" else _OPEN)
        elif word == "end":
            self._end()
        elif action:
            self._note(action, _ELSE if word == "else" else "" if _SILENT.match(action) else ACTION)
        self._number += newlines

    def _begin(self, action: str) -> None:
        found = _DEFINE.match(action)
        self._stack.append(self._name)
        self._name = found[1] if found else "?"
        self._texts.setdefault(self._name, {})
        self._actions.setdefault(self._name, [])

    def _end(self) -> None:
        outer = self._stack.pop() if self._stack else None
        if outer is None:
            self._put(_END)
        else:
            self._name = outer

    def _note(self, action: str, mark: str) -> None:
        self._actions[self._name].append((self._number, action, mark == ACTION))
        formatted = _FORMAT.fullmatch(action) if mark == ACTION else None
        self._put(_VERB.sub(ACTION, formatted[1]) if formatted else mark)

    def parts(self) -> Iterator[Part]:
        for name, texts in self._texts.items():
            printed: dict[int, list[str]] = {}
            silent: list[str] = []
            for number, action, prints in self._actions[name]:
                (printed.setdefault(number, []) if prints else silent).append(action)
            lines = tuple(
                _line(number, clean, printed.get(number, []))
                for number, text in texts.items()
                if (clean := _MARKS.sub("", _INLINE.sub(ACTION, text)).rstrip())
            )
            yield Part(
                file=self._file,
                name=name,
                lines=lines,
                includes=frozenset(_included(silent)).union(*(line.includes for line in lines)),
                strings=frozenset(_strings(silent)).union(*(line.strings for line in lines)),
            )


def _line(number: int, text: str, actions: list[str]) -> Line:
    widths = [int(width) for action in actions for width in _WIDTH.findall(action)]
    return Line(
        number=number,
        text=text,
        includes=_included(actions),
        strings=_strings(actions),
        width=widths[-1] if widths else None,
    )


def _included(actions: list[str]) -> tuple[str, ...]:
    kept = (action for action in actions if not _HASHED.search(action))
    return tuple("".join(names) for action in kept for names in _INCLUDE.findall(action))


def _strings(actions: list[str]) -> tuple[str, ...]:
    kept = (action for action in actions if not _HASHED.search(action))
    return tuple(one or other for action in kept for one, other in _STRING.findall(action))


@functools.lru_cache(maxsize=1024)
def fields(part: Part) -> tuple[Field, ...]:
    """Return each key in the YAML of a part, and each line that consists of actions (with the key "")."""
    return tuple(_Walk().fields(part))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Level:
    """An open key, or (`item`) an open entry of a list, whose fields stand at `column`."""

    column: int
    key: str
    item: int | None = None


class _Walk:
    """Follows the indentation of a part."""

    def __init__(self) -> None:
        self._stack: list[_Level] = []
        self._items = 0
        self._section = 0
        #: The column of the key whose block of text the lines belong to.
        self._block: int | None = None

    def fields(self, part: Part) -> Iterator[Field]:
        for line in part.lines:
            if line.text.startswith("---"):
                self._stack, self._block = [], None
                self._section += 1
            elif self._block is not None and line.column > self._block:
                continue
            elif line.bare:
                yield self._of_actions(line)
            else:
                self._block = None
                yield from self._of_text(line)

    def _of_actions(self, line: Line) -> Field:
        column = line.column
        level = [each for each in self._stack if each.column < column or (each.item and each.column == column)]
        return self._field(level, "", line.text.strip(), line)

    def _of_text(self, line: Line) -> Iterator[Field]:
        column, text = line.column, line.text.strip()
        if text.startswith("#"):
            return
        while found := _ITEM.match(text):
            self._close(column, item=True)
            column, text = column + found.end(), text[found.end() :]
            self._items += 1
            self._stack.append(_Level(column=column, key="[]", item=self._items))
            if not found[0].strip("-") or not text:
                break
        else:
            self._close(column, item=False)
        if key := _KEY.match(text):
            value = key[2] or ""
            yield self._field(self._stack, key[1], value, line)
            self._stack.append(_Level(column=column, key=key[1]))
            if _BLOCK.match(value):
                self._block = column
        elif text.replace(ACTION, "").strip() == "" and text:
            yield self._field(self._stack, "", text, line)

    def _close(self, column: int, *, item: bool) -> None:
        """Close what ends at a line in `column`. A list may stand in the column of its key."""
        while self._stack:
            last = self._stack[-1]
            inside = last.column <= column if (item and last.item is None) else last.column < column
            if inside or (not item and last.item is not None and last.column == column):
                return
            self._stack.pop()

    def _field(self, level: list[_Level], key: str, value: str, line: Line) -> Field:
        items = [each.item for each in level if each.item is not None]
        return Field(
            path=(*(each.key for each in level), key),
            value=value,
            section=self._section,
            item=items[-1] if items else None,
            line=line,
        )


def fits(pattern: str, text: str) -> bool:
    """Whether a value of a template, with actions in it, can render `text`."""
    plain = pattern.strip()
    if " #" in plain and not _is_quoted(plain):
        plain = plain.partition(" #")[0].rstrip()
    if _is_quoted(plain):
        plain = plain[1:-1]
    expression = ".*".join(re.escape(piece.strip("\"'") if ACTION in plain else piece) for piece in plain.split(ACTION))
    return re.fullmatch(expression, text, re.DOTALL) is not None


def _is_quoted(text: str) -> bool:
    return len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
