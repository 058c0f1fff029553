"""The programs and folders of one image flavor, and the package tools, that commands use without asking for them."""

from __future__ import annotations

import functools
import posixpath
import re
from dataclasses import dataclass, replace
from enum import Enum, auto
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from osh_conformance.manifests.programs import SHELLS, inline, is_python, started_by, unwrapped
from osh_conformance.manifests.shell import Command, ShellError, commands
from osh_conformance.manifests.vocabulary import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_TESTS = frozenset({"test", "[", "[[", "which", "type", "hash", "ls", "stat"})
#: Variables in which a shell itself, or what it calls, looks for programs and modules.
_SEARCHED = frozenset({"PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "VIRTUAL_ENV"})
_ASKS = frozenset({"--version", "-V", "--help"})
_VARIABLE = re.compile(r"\$\{?([A-Za-z_]\w*)")
_EXPANSION = re.compile(r"\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})")
_DEEPEST = 4


class Utility(Enum):
    """What only some images have."""

    PROGRAM = auto()
    PLACE = auto()
    PACKAGE = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """The use of a utility in a line: `cause` is the program or folder, `kind` says what it is."""

    utility: Utility
    cause: str
    line: int

    @property
    def kind(self) -> str:
        """What it is, in words."""
        if self.utility is Utility.PLACE:
            return f"{self.cause}, where one image flavor keeps its code"
        what = "a package tool" if self.utility is Utility.PACKAGE else "a program of one image flavor"
        return f"{self.cause}, {what}"


def flavor_path(word: str) -> str:
    """Return the folder of one image flavor that a word names, alone or after `=`, `,` or a quote, else "".

    A list of several places (`/var/lib/kolla/bin:/usr/bin`) relies on none. One that only adds to a variable
    (`/var/lib/kolla/bin:$PATH`) relies on it.
    """
    found = _places().search(word)
    if not found:
        return ""
    places = [place for place in re.split(r"[:=,]", word) if place.startswith("/")]
    return "" if ":" in word and len(places) > 1 else found["place"]


@functools.cache
def _places() -> re.Pattern[str]:
    folders = "|".join(map(re.escape, words("utilities")["flavor_paths"]))
    return re.compile(rf"(?:^|[=,:'\"(@])(?<!:=)(?P<place>{folders})(?=[/:,'\")]|$)")


def used_in(read: Iterable[Command]) -> tuple[Use, ...]:
    """Return the uses in commands, in their order. A use that an earlier command tests for is left out."""
    return tuple(_Reader().uses(read))


class _Reader:
    """Goes through commands in their order, and remembers what they tested for, and the folders in variables."""

    def __init__(self) -> None:
        self._tested: list[str] = []
        self._variables: dict[str, str] = {}
        self._folders: dict[str, str] = {}
        self._depth = 0

    def uses(self, read: Iterable[Command]) -> Iterator[Use]:
        for command in read:
            yield from self._of(command)

    def _of(self, command: Command) -> Iterator[Use]:
        yield from self._assigned(command)
        if command.function:
            self._tested.append(command.function)
        if not command.words:
            return
        asks = command.name == "command" and command.words[1:2] in (("-v",), ("-V",))
        if asks or command.name in _TESTS or _ASKS.issuperset(command.words[1:] or (None,)):
            tested = command.words if _ASKS.issuperset(command.words[1:] or (None,)) else command.words[1:]
            self._tested += (*tested, *(posixpath.basename(word) for word in tested if word.startswith("/")))
            return
        if posixpath.basename(command.name) in words("utilities")["elsewhere"]:
            return
        run = unwrapped(list(command.words))
        program = posixpath.basename(run[0]) if run else ""
        if program in words("utilities")["printers"]:
            return
        if self._depth < _DEEPEST:
            if found := inline(run):
                yield from self._inline(*found, command.line)
                run = run[:1]
            for started in started_by(run):
                yield from self._program(started, posixpath.basename(started[0]), command.line)
        yield from self._program(run, program, command.line)
        for word in run:
            yield from self._place(word, command.line)

    def _inline(self, program: str, text: str, line: int) -> Iterator[Use]:
        if program not in SHELLS:
            return
        try:
            read = commands(text)
        except ShellError:
            return
        self._depth += 1
        for use in self.uses(read):
            yield replace(use, line=line + use.line - 1)
        self._depth -= 1

    def _assigned(self, command: Command) -> Iterator[Use]:
        """Yield the folders that a command exports or searches, and remember those in other variables."""
        for assignment in command.assignments:
            name, _, value = assignment.partition("=")
            value = self._expanded(value)
            path = flavor_path(value)
            if value.startswith("/") and "$" not in value:
                self._folders[name] = value
            else:
                self._folders.pop(name, None)
            if path and (command.words or name in _SEARCHED):
                yield from self._place(value, command.line)
            if path:
                self._variables[name] = path
            else:
                self._variables.pop(name, None)

    def _expanded(self, word: str) -> str:
        """Return a word with the folders of the variables in it: `$ROOT/bin`."""
        return _EXPANSION.sub(lambda found: self._folders.get(found[1] or found[2], found[0]), word)

    def _program(self, run: list[str], program: str, line: int) -> Iterator[Use]:
        if not run or {run[0], program} & set(self._tested):
            return
        utilities = words("utilities")
        if any(fnmatchcase(program, pattern) for pattern in utilities["flavor_programs"]):
            yield Use(utility=Utility.PROGRAM, cause=program, line=line)
        if is_python(program) and run[1:3] == ["-m", "pip"]:
            run, program = ["pip", *run[3:]], "pip"
        if any(fnmatchcase(program, pattern) for pattern in utilities["package_tools"]) and _acts(program, run[1:]):
            yield Use(utility=Utility.PACKAGE, cause=program, line=line)

    def _place(self, word: str, line: int) -> Iterator[Use]:
        named = _VARIABLE.match(word)
        path = (
            flavor_path(word) or self._variables.get(named[1] if named else "", "") or flavor_path(self._expanded(word))
        )
        through = f"${named[1]}" if named else path
        braced = f"${{{named[1]}}}" if named else path
        if path and not any(name in other for other in self._tested for name in (path, through, braced)):
            yield Use(utility=Utility.PLACE, cause=path, line=line)


def _acts(tool: str, arguments: list[str]) -> bool:
    """Whether a package tool installs or removes with these arguments."""
    utilities = words("utilities")
    if tool == "easy_install":
        return any(not word.startswith("-") for word in arguments)
    actions = {word for group in utilities["package_actions"] for word in group}
    letters: Any = utilities["package_letters"].get(tool)
    for word in arguments:
        if word in actions or word in utilities["package_queries"]:
            return word in actions
        if letters and re.fullmatch(r"-[A-Za-z]+", word):
            if set(word) & set(letters["asks"]) and word[1] not in letters["acts"]:
                return False
            if set(word) & set(letters["acts"]):
                return True
    return False
