"""The actions of Go templates: which run, and which image keys and values they may read."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

#: An action, or a comment, which has no `text`. Braces in texts do not end it.
_ACTION: Final = re.compile(
    r"""\{\{-?\s*(?:/\*.*?\*/|(?P<text>(?:[^}"`]++|"(?:[^"\\\n]|\\.)*+"|`[^`]*+`|\}(?!\}))*+))\s*-?\}\}""", re.DOTALL
)
_STRING: Final = re.compile(r'"((?:[^"\\]|\\.)*)"|`([^`]*)`')
_WORD: Final = re.compile(r"[a-z]+")
_OPENS: Final = frozenset({"if", "range", "with", "define", "block"})
_INCLUDES: Final = re.compile(r"\b(?:include|template)\b|^block\b")
_ASSIGNS: Final = re.compile(r"^\$\w*(?:\s*,\s*\$\w+)?\s*:?=|\bset\b|^(?:range|with)\b")
#: A text or a call alone. Another variable, a mapping or a list may go anywhere.
_VARIABLE: Final = re.compile(r"^(\$\w+)\s*:?=\s*(?!.*(?:\$|\bdict\b|\blist\b|\btuple\b))")
_LOOKS_UP: Final = re.compile(r"\b(?:index|get|dig|pluck|hasKey)\b")
_CHAIN: Final = re.compile(r"(?:\$\w*)?(?:\.[A-Za-z_]\w*)+")
_OF_VALUES: Final = re.compile(r"\.Values\.([A-Za-z_][\w.]*)")
#: Values as a whole, but for a checksum of them.
_WHOLE: Final = re.compile(r"(?::?=|\b(?:with|index|get|dig|range|merge\w*))\s+(?:\$\w*)?\.Values(?![.\w])")
_HOLE: Final = re.compile(r"%[-+ #0-9.]*[a-zA-Z]")
#: So many letters of a format have to be in a key.
_TELLING: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One action of a template, without its braces. `strings`: the texts in quotes in it."""

    text: str
    strings: tuple[str, ...]

    @property
    def condition(self) -> bool:
        """Whether it only decides what is rendered."""
        return self.text.startswith(("if ", "if(", "else if ", "else if("))


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """The actions of a file outside of its definitions, or of one definition.

    - text: all of them.
    - calls: the texts in quotes, which may name definitions. `formats`: those of them that may give several names.
    """

    actions: tuple[Action, ...]
    text: str
    calls: frozenset[str]
    formats: tuple[re.Pattern[str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A template file: what is outside of definitions, and each definition by its name."""

    top: Block
    definitions: Mapping[str, Block]


@functools.lru_cache(maxsize=1024)
def parsed(text: str) -> Source:
    """Return the actions of a template. What does not parse as Go reads it is left out."""
    top: list[Action] = []
    definitions: dict[str, list[Action]] = {}
    stack: list[list[Action] | None] = []  # the actions around each open block, None where a block changes nothing
    here = top
    for found in _ACTION.finditer(text):
        if found["text"] is None:
            continue
        content = found["text"].rstrip(" \t\r\n-")
        action = Action(text=content, strings=tuple(a or b for a, b in _STRING.findall(content)))
        first = _WORD.match(content)
        word = first[0] if first else ""
        if word == "end":
            if stack and (outer := stack.pop()) is not None:
                here = outer
            continue
        if word == "define" and action.strings:
            stack.append(here)
            here = definitions.setdefault(action.strings[0], [])
            continue
        here.append(action)
        if word in _OPENS:
            stack.append(None)
    return Source(top=_block(top), definitions={name: _block(actions) for name, actions in definitions.items()})


def _block(actions: list[Action]) -> Block:
    calling = [action for action in actions if "%" in action.text and _INCLUDES.search(action.text)]
    return Block(
        actions=tuple(actions),
        text="\n".join(action.text for action in actions),
        calls=frozenset(text for action in actions for text in action.strings),
        formats=tuple(pattern for action in calling for text in action.strings if (pattern := _pattern(text))),
    )


class Templates:
    """The templates of a chart: its own ones, and the definitions of all that they can call.

    - sources: the text of each template, by its file; those of dependencies are below `charts/`.
    - images: the dotted path of the images section.
    - texts: values that templates may pass through `tpl`.
    """

    def __init__(self, sources: Mapping[str, str], images: str, texts: Iterable[str] = ()) -> None:
        files = {path: parsed(text) for path, text in sources.items()}
        self._images = images.split(".")
        self._definitions: dict[str, Block] = {}
        for file in files.values():
            self._definitions.update(file.definitions)
        self._top = [file.top for path, file in files.items() if not path.startswith("charts/")]
        self._top += [parsed(text).top for text in texts if "{{" in text]

    def may_use(self, key: str) -> bool:
        """Whether an action may look up an image by its key. A condition does not, and neither does a comment."""
        return any(self._may_use(block, action, key) for block, action in self._with_word(key))

    def may_have(self, path: str) -> bool:
        """Whether an action may read the value at a dotted path, or a mapping above it as a whole."""
        parts = tuple(path.split("."))
        if any(chain == parts[: len(chain)] or parts == chain[: len(parts)] for chain in self._chains):
            return True
        return any(self._reads(action, parts[0]) for block in self._rooted for action in block.actions)

    def names(self, path: str) -> bool:
        """Whether an action names the value at a dotted path, or one below it."""
        parts = tuple(path.split("."))
        return any(chain[: len(parts)] == parts for chain in self._chains)

    @functools.cached_property
    def _rooted(self) -> tuple[Block, ...]:
        """What may read values by another name: it assigns them as a whole, or looks a name up in them."""
        return tuple(block for block in self._running if _WHOLE.search(block.text))

    def _reads(self, action: Action, name: str) -> bool:
        """Whether an action looks the name up, or begins a chain with it: `index .Values "name"`, `$values.name`."""
        return name in action.strings or any(_names(chain)[0] == name for chain in _CHAIN.findall(action.text))

    @functools.cached_property
    def _chains(self) -> frozenset[tuple[str, ...]]:
        """The paths in values that actions name."""
        found = {match for block in self._running for match in _OF_VALUES.findall(block.text)}
        return frozenset(tuple(each.rstrip(".").split(".")) for each in found)

    @functools.cached_property
    def _running(self) -> tuple[Block, ...]:
        """What is outside of definitions, and each definition that can be called."""
        found, known = list(self._top), set[str]()
        position = 0
        while position < len(found):
            for name in sorted(self._called(found[position]) - known):
                known.add(name)
                found.append(self._definitions[name])
            position += 1
        return tuple(found)

    def _called(self, block: Block | Action) -> set[str]:
        """Return the definitions that a text names: as it is, or as the format of a name."""
        if isinstance(block, Action):
            block = _block([block])
        names = set(block.calls & self._definitions.keys())
        return names.union(name for pattern in block.formats for name in self._definitions if pattern.fullmatch(name))

    def _with_word(self, word: str) -> Iterator[tuple[Block, Action]]:
        for block in self._running:
            if word in block.text or "%" in block.text:
                for action in block.actions:
                    if (word in action.text or "%" in action.text) and not action.condition:
                        yield block, action

    def _may_use(self, block: Block, action: Action, key: str) -> bool:
        return any(self._leads_to(_names(chain), key) for chain in _CHAIN.findall(action.text)) or (
            any(text == key or _formats(text, key) for text in action.strings) and self._may_look_up(block, action)
        )

    def _leads_to(self, names: list[str], key: str) -> bool:
        """Whether the names of a chain end at the key: `.Values.images.key`, `.images.key`, `$images.key`, `.key`."""
        if key not in names:
            return False
        before = names[: names.index(key)]
        if "Values" in before:
            return before[before.index("Values") + 1 :] == self._images
        return not before or before[-1] == self._images[-1]

    def _may_look_up(self, block: Block, action: Action) -> bool:
        """Whether a text in an action may be taken for an image key: there, in what it calls, or by a variable."""
        if variable := _VARIABLE.match(action.text):
            word = re.compile(re.escape(variable[1]) + r"\b")
            users = [other for other in block.actions if other is not action and word.search(other.text)]
            return any(_ASSIGNS.search(other.text) or self._may_look_up(block, other) for other in users)
        if _ASSIGNS.search(action.text):
            return True
        if _INCLUDES.search(action.text):
            called = self._called(action)
            return not called or not called.isdisjoint(self._of_images)
        values = _OF_VALUES.findall(action.text)
        return bool(_LOOKS_UP.search(action.text)) and (not values or any(self._is_images(path) for path in values))

    def _is_images(self, path: str) -> bool:
        return path.split(".")[: len(self._images)] == self._images or path in {"images", "image"}

    @functools.cached_property
    def _of_images(self) -> frozenset[str]:
        """The definitions that have to do with images, or that call such a one."""
        calls = {name: self._called(block) for name, block in self._definitions.items()}
        found = {name for name, block in self._definitions.items() if "image" in name or "image" in block.text}
        while further := {name for name, called in calls.items() if name not in found and not found.isdisjoint(called)}:
            found |= further
        return frozenset(found)


def _names(chain: str) -> list[str]:
    """Return the names of `$x.a.b` without the variable."""
    return chain.split(".")[1:]


@functools.lru_cache(maxsize=256)
def _pattern(text: str) -> re.Pattern[str] | None:
    """Return what a format such as `%s_db_sync` can give, None if it says too little."""
    parts = _HOLE.split(text)
    if len(parts) == 1 or len(re.findall("[A-Za-z]", "".join(parts))) < _TELLING:
        return None
    return re.compile(".+".join(re.escape(part) for part in parts))


def _formats(text: str, name: str) -> bool:
    """Whether a format can give the name."""
    pattern = _pattern(text) if "%" in text else None
    return pattern is not None and pattern.fullmatch(name) is not None
