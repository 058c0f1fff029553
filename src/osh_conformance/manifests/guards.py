"""Finds the values that decide whether a template renders an object or a container: `if`, `with` and `else`.

The text of templates is read action by action; nothing is rendered. A condition that computes a name is not understood.
"""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    #: A dotted path, and whether what it decides renders where the value is off.
    _Decision = tuple[str, bool]
    _Decided = tuple[str, tuple[_Decision, ...]]

_ACTION = re.compile(r"\{\{-?\s*(/\*.*?\*/|.*?)\s*-?\}\}", re.DOTALL)
_CONTENT = re.compile(r"(?m)^\s*(?:-\s+)?[\"']?(?:kind|image|imagePullPolicy|containers|initContainers)[\"']?:")
_IMAGE_LINE = re.compile(r"\bimage[\"']?:[^\n]*\Z")
_INCLUDE = re.compile(r"\b(?:include|template)\s+[\"`]([^\"`]+)")
_DEFINE = re.compile(r"(?:define|block)\s+[\"`]([^\"`]+)")
_ASSIGNED = re.compile(r"(\$\w+)\s*:?=\s*(.+)", re.DOTALL)
_RANGED = re.compile(r"(?:\$\w+\s*,\s*)?(\$\w+)\s*:?=\s*(.+)", re.DOTALL)
_INDEX = re.compile(r"(?:index|get)\s+([$\w]*\.Values(?:\.\w+)*)((?:\s+\"[\w-]+\")+)")
_TOKEN = re.compile(r"[()|]|\"[^\"]*\"|`[^`]*`|[^\s()|\"`]+")
_REFERENCE = re.compile(r"(?P<root>\$\w*)?(?P<path>(?:\.[\w-]+)*)\.?")
#: An action that may print a whole object.
_PRINTS = re.compile(r"\b(?:include|template|tpl|toYaml|toJson|toPrettyJson|Files|print|printf)\b")
_CONDITION = re.compile(r"(?:else\s+)?(?:if|with)\s+(.+)", re.DOTALL)
_OPENING = ("if", "with", "range", "define", "block")
_DEFINING = ("define", "block")


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """A value that decides over an object or a container.

    - path: its dotted path; `*` stands for any key.
    - negative: whether the object or container renders where the value is off.
    """

    path: str
    negative: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """The condition of a template: its text, such as `if .Values.api.enabled`, and its line."""

    text: str
    line: int


@dataclass(slots=True)
class _Block:
    """A block that is open: its keyword, the guards of its current side, and what `.` and variables stand for."""

    keyword: str
    guards: list[Guard] = field(default_factory=list)
    dot: str | None = None
    variables: dict[str, str] = field(default_factory=dict)
    decided: Mapping[str, tuple[_Decision, ...]] = field(default_factory=dict)


def guards(templates: Mapping[str, str]) -> frozenset[Guard]:
    """Return the guards in a chart's own templates, and in the partials that these include."""
    bodies: defaultdict[str, list[str]] = defaultdict(list)
    for text in templates.values():
        for name, body in _defined(text):
            bodies[name].append(body)
    leading = _leading(bodies)
    found: set[Guard] = set()
    reached: set[str] = set()
    waiting = [text for path, text in templates.items() if not is_partial(path) and not path.startswith("charts/")]
    while waiting:
        text = waiting.pop()
        _, names = _read(text)
        found.update(_guards_in(text, names & leading, _decided(names, bodies)))
        waiting += [body for name in names - reached for body in bodies.get(name, ())]
        reached |= names
    return frozenset(found)


def is_partial(path: str) -> bool:
    """Whether Helm renders nothing of a template by itself."""
    name = path.rpartition("/")[2]
    return name.startswith("_") or name == "NOTES.txt"


def first_condition(text: str) -> Condition | None:
    """Return the conditions around what a template would render first, as one; None if nothing is conditional.

    The outermost comes first: `if .Values.a, then if .Values.b`. Where nothing seems to be rendered, it is the first
    condition alone. Those in definitions of partials do not count.
    """
    stack: list[Condition | None] = []
    first = None
    end = 0
    for match in _ACTION.finditer(text):
        literal, action = text[end : match.start()], match[1]
        end = match.end()
        word = action.partition(" ")[0]
        outside = None not in stack
        if outside and stack and (_CONTENT.search(literal) or _prints_now(word, action)):
            return _joined(stack)
        if word in _OPENING:
            line = text.count("\n", 0, match.start()) + 1
            found = None if word in _DEFINING else Condition(text=" ".join(action.split()), line=line)
            stack.append(found)
            first = first or (found if outside else None)
        elif word == "else" and stack and (before := stack[-1]):
            words = " ".join(action.split())
            stack[-1] = replace(before, text=words if words != "else" else f"else of {before.text}")
        elif word == "end" and stack:
            stack.pop()
    return first


def _prints_now(word: str, action: str) -> bool:
    controls = word in _OPENING or word in ("else", "end")
    return not controls and not action.startswith(("/*", "$")) and _PRINTS.search(action) is not None


def _joined(stack: Iterable[Condition | None]) -> Condition:
    found = [condition for condition in stack if condition]
    return replace(found[0], text=", then ".join(condition.text for condition in found))


def renders_nothing(text: str) -> bool:
    """Whether a template has only definitions of partials, assignments and comments, or only refuses values."""
    if not _ACTION.sub("", text).strip() and not _PRINTS.search(text):
        return True
    depth = 0
    rest = []
    end = 0
    for match in _ACTION.finditer(text):
        word = match[1].partition(" ")[0]
        if not depth:
            rest.append(text[end : match.start()])
            if word and word not in ("define", "end") and not match[1].startswith(("/*", "$")):
                return False
        if depth or word == "define":
            depth += (word in _OPENING) - (word == "end")
        end = match.end()
    rest.append(text[end:] if not depth else "")
    lines = [line.strip() for line in "".join(rest).splitlines()]
    return all(not line or line.startswith("#") or set(line) == {"-"} for line in lines)


def _decided(names: Iterable[str], bodies: Mapping[str, Iterable[str]]) -> frozenset[_Decided]:
    """Return those of the partials `names` that decide by values what they print, with the values."""
    found: set[_Decided] = set()
    for name in names:
        paths: dict[_Decision, None] = {}
        known: set[str] = set()
        waiting = [name]
        while waiting:
            known.add(inner := waiting.pop())
            for text in bodies.get(inner, ()):
                paths |= dict.fromkeys(_decisions(text))
                waiting += _read(text)[1] - known
        if paths:
            found.add((name, tuple(sorted(paths))))
    return frozenset(found)


@functools.lru_cache(maxsize=2048)
def _decisions(text: str) -> tuple[_Decision, ...]:
    """Return the values in the conditions of a partial, and those that are all that it prints."""
    actions = [match[1] for match in _ACTION.finditer(text)]
    if len(actions) == 1:
        return tuple(_paths(actions[0], _Block(keyword="")))
    block = _Block(keyword="")
    conditions = (_CONDITION.match(action) for action in actions)
    return tuple(path for each in conditions if each for path in _paths(each[1], block))


# The charts of a tree have the same library.
@functools.lru_cache(maxsize=2048)
def _defined(text: str) -> tuple[tuple[str, str], ...]:
    """Return the name and the body of each partial that a text defines."""
    if not _DEFINE.search(text):
        return ()
    found: list[tuple[str, str]] = []
    stack: list[tuple[str, int]] = []
    for match in _ACTION.finditer(text):
        word = match[1].partition(" ")[0]
        if word in _OPENING:
            name = _DEFINE.match(match[1])
            stack.append((name[1] if name else "", match.end()))
        elif word == "end" and stack:
            name_of, start = stack.pop()
            if name_of:
                found.append((name_of, text[start : match.start()]))
    return tuple(found)


@functools.lru_cache(maxsize=2048)
def _read(text: str) -> tuple[bool, frozenset[str]]:
    """Return whether a text has an object or an image, and the names of the partials that it includes."""
    return _CONTENT.search(text) is not None, frozenset(_INCLUDE.findall(text))


def _leading(bodies: Mapping[str, Iterable[str]]) -> frozenset[str]:
    """Return the names of the partials that have an object or an image, or include one that has."""
    leading = {name for name, texts in bodies.items() if any(_read(text)[0] for text in texts)}
    includes = {name: {found for text in texts for found in _read(text)[1]} for name, texts in bodies.items()}
    while more := {name for name, found in includes.items() if name not in leading and found & leading}:
        leading |= more
    return frozenset(leading)


@functools.lru_cache(maxsize=2048)
def _guards_in(text: str, leading: frozenset[str], decided: frozenset[_Decided]) -> frozenset[Guard]:
    """Return the guards in one text, where the partials `leading` have an object or an image.

    `decided` has the partials that decide something by values, with these.
    """
    return frozenset(_each_guard(text, leading, dict(decided)))


def _each_guard(text: str, leading: frozenset[str], decided: Mapping[str, tuple[_Decision, ...]]) -> Iterator[Guard]:
    stack = [_Block(keyword="", decided=decided)]
    end = 0
    opened = False
    for match in _ACTION.finditer(text):
        literal, action = text[end : match.start()], match[1]
        end = match.end()
        word = action.partition(" ")[0]
        defines = word in _DEFINING
        if _CONTENT.search(literal) or (not defines and not leading.isdisjoint(_INCLUDE.findall(action))):
            yield from _open_guards(stack)
        if opened and literal.lstrip().startswith("imagePullPolicy:"):
            # Where the block is off, the container has no policy.
            yield from (replace(guard, negative=not guard.negative) for guard in stack[-1].guards)
        opened = word in ("if", "with")
        _follow(stack, word, action)
        # The condition decides over a part of the image.
        if _IMAGE_LINE.search(text, text.rfind("\n", 0, match.start()) + 1, end):
            if word in ("if", "with", "else"):
                yield from _open_guards(stack)
            elif "ternary" in action or "include" in action or "template" in action:
                yield from _both_sides(action, stack[-1])
    if _CONTENT.search(text[end:]):
        yield from _open_guards(stack)


def _both_sides(action: str, block: _Block) -> Iterator[Guard]:
    """Yield the values that decide what an action prints."""
    paths = _paths(action, block) if "ternary" in action else _in_partials(action, block)
    for path, _ in paths:
        yield Guard(path=path, negative=False)
        yield Guard(path=path, negative=True)


def _open_guards(stack: list[_Block]) -> Iterator[Guard]:
    for block in stack:
        yield from block.guards


def _follow(stack: list[_Block], word: str, action: str) -> None:
    """Open a block, go on to its other side, close it, or remember what a variable stands for."""
    if word in _OPENING:
        stack.append(_opened(word, action[len(word) :], stack[-1]))
    elif word == "else":
        _turn(stack, action)
    elif word == "end" and len(stack) > 1:
        stack.pop()
    elif assigned := _ASSIGNED.fullmatch(action):
        stack[-1].variables[assigned[1]] = next(iter(_paths(assigned[2], stack[-1])), ("", False))[0]


def _opened(word: str, expression: str, outer: _Block) -> _Block:
    block = _Block(keyword=word, dot=outer.dot, variables=dict(outer.variables), decided=outer.decided)
    expression = expression.strip()
    if word in _DEFINING:
        block.dot, block.variables = None, {}
        return block
    assigned = (_RANGED if word == "range" else _ASSIGNED).fullmatch(expression)
    found = _paths(assigned[2] if assigned else expression, outer)
    if word != "range":
        block.guards = [Guard(path=path, negative=flipped) for path, flipped in found]
    first = found[0][0] if len(found) == 1 else ""
    place = f"{first}.*" if first and word == "range" else first
    if assigned:
        block.variables[assigned[1]] = place
    if word in ("with", "range"):
        block.dot = place
    return block


def _turn(stack: list[_Block], action: str) -> None:
    """Go on to the other side of a block, after its `else`."""
    block = stack[-1]
    if len(stack) == 1:
        return
    block.dot = stack[-2].dot
    turned = [Guard(path=guard.path, negative=not guard.negative) for guard in block.guards]
    words = action.split(maxsplit=2)
    if len(words) > 2:  # noqa: PLR2004  (else if CONDITION)
        turned += [Guard(path=path, negative=flipped) for path, flipped in _paths(words[2], stack[-2])]
    block.guards = turned


def _paths(expression: str, block: _Block) -> list[tuple[str, bool]]:
    """Return the dotted path of each value in an expression, and whether the expression holds where it is off."""
    text = _INDEX.sub(lambda m: m[1] + "".join(f".{key}" for key in re.findall(r"\"([\w-]+)\"", m[2])), expression)
    text = re.sub(r"\(([$\w]*\.Values[\w.]*)\)\.", r"\1.", text)
    found, _ = _terms(_TOKEN.findall(text), 0, block)
    return list(dict.fromkeys(found))


def _in_partials(expression: str, block: _Block) -> list[_Decision]:
    """Return the values by which the partials that an expression includes decide something."""
    return [path for name in _INCLUDE.findall(expression) for path in block.decided.get(name, ())]


def _terms(tokens: list[str], start: int, block: _Block) -> tuple[list[tuple[str, bool]], int]:
    """Return the paths of a call up to its closing parenthesis, and the position after it."""
    found: list[tuple[str, bool]] = []
    words = []
    position = start
    while position < len(tokens) and tokens[position] != ")":
        word = tokens[position]
        position += 1
        if word == "(":
            inner, position = _terms(tokens, position, block)
            found += inner
            continue
        words.append(word)
        if path := _path(word, block):
            found.append((path, False))
        elif words[-2:-1] == ["include"]:
            found += block.decided.get(word.strip('"`'), ())
    turns = words.count("not") + (words[:1] == ["eq"] and "false" in words) + (words[:1] == ["ne"] and "true" in words)
    if turns % 2:
        found = [(path, not flipped) for path, flipped in found]
    return found, position + 1


def _path(token: str, block: _Block) -> str:
    """Return the dotted path of the value that a word of an expression is, "" for anything else."""
    match = _REFERENCE.fullmatch(token)
    if not match:
        return ""
    root, path = match["root"] or "", match["path"]
    if path.startswith(".Values."):
        return path.removeprefix(".Values.")
    place = block.variables.get(root, "") if len(root) > 1 else block.dot if not root else None
    return f"{place}{path}".strip(".") if place else ""
