"""The problems of one script: its interpreter, its grammar, and the programs and places of one image flavor in it."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import TYPE_CHECKING

from osh_conformance.manifests.programs import SHELLS, is_python
from osh_conformance.manifests.shell import ShellError, commands
from osh_conformance.manifests.vocabulary import words
from osh_conformance.rules.shared.python_problems import in_python
from osh_conformance.rules.shared.script_utilities import Use, Utility, used_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from osh_conformance.manifests.scripts import Script
    from osh_conformance.manifests.shell import Command

#: Shells whose scripts may use nothing but the grammar of a POSIX shell, as dash has it: images have one or the other.
_POSIX_SHELLS = frozenset({"sh", "dash"})
#: Bats turns this into a function before bash reads it.
_BATS = re.compile(r"^[ \t]*@test\s", re.MULTILINE)
#: The text is a template for another program, and no script before that has read it.
_TEMPLATE = re.compile(r"\{\{|\{%")


class Sort(Enum):
    """The subject of a problem. The rule has a reason and a fix for each subject."""

    GRAMMAR = auto()
    INTERPRETER = auto()
    DIALECT = auto()
    PROGRAM = auto()
    PLACE = auto()
    PACKAGE = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptProblem:
    """A problem of a script. `line` counts in the script and `text` is that line.

    `kind` is the type of the problem, and groups the problems of one finding. `cause` is the program or folder, or that
    the script does not parse. `whole`: it is the script as a whole; `text` is its first line.
    """

    sort: Sort
    kind: str
    cause: str
    line: int
    text: str = ""
    warning: bool = False
    whole: bool = False


#: The cause of a script that does not parse: the parser's message may hold a line number.
GRAMMAR = "grammar"
_SORTS = {Utility.PROGRAM: Sort.PROGRAM, Utility.PLACE: Sort.PLACE, Utility.PACKAGE: Sort.PACKAGE}


def problems_in(command: Command) -> tuple[ScriptProblem, ...]:
    """Return the problems of a command line that is no script."""
    return tuple(_utility(use, []) for use in used_in((command,)))


def problems_of(script: Script) -> tuple[ScriptProblem, ...]:
    """Return the problems of a script: of its interpreter, its grammar, and what it calls.

    All of a script that no pod mounts are warnings.
    """
    found = _problems(script.text, script.interpreter)
    if not script.runs and _TEMPLATE.search(script.text):
        found = tuple(problem for problem in found if problem.sort is not Sort.GRAMMAR)
    return found if script.mounted else tuple(map(_unmounted, found))


def _unmounted(problem: ScriptProblem) -> ScriptProblem:
    if problem.warning:
        return problem
    kind, cause = f"{problem.kind}, in a script that no pod mounts", f"{problem.cause}, not mounted"
    return replace(problem, kind=kind, cause=cause, warning=True)


@functools.lru_cache(maxsize=1024)
def _problems(text: str, interpreter: str) -> tuple[ScriptProblem, ...]:
    return tuple(_found(text, interpreter))


def _found(text: str, interpreter: str) -> Iterator[ScriptProblem]:
    lines = text.splitlines() or [""]
    if interpreter in words("utilities")["unpromised_interpreters"]:
        first = next((number for number, line in enumerate(lines, start=1) if line.strip()), 1)
        kind = f"the interpreter {interpreter}"
        yield ScriptProblem(
            sort=Sort.INTERPRETER,
            kind=kind,
            cause=interpreter,
            text=lines[first - 1],
            line=first,
            warning=True,
            whole=True,
        )
    if is_python(interpreter):
        yield from _in_python(text, interpreter, lines)
    elif interpreter in SHELLS and not _BATS.search(text):
        yield from _in_shell(text, interpreter, lines)


def _in_shell(text: str, interpreter: str, lines: list[str]) -> Iterator[ScriptProblem]:
    posix = interpreter in _POSIX_SHELLS
    try:
        read = commands(text, bash=not posix)
    except ShellError as error:
        yield _grammar(f"the script does not parse as {interpreter}: {error}", lines, error.line)
        return
    for command in read if posix else ():
        if command.name in words("utilities")["bash_commands"] and "BASH_VERSION" not in text:
            kind = f"`{command.name}`, a command of bash, in a script for {interpreter}"
            yield ScriptProblem(
                sort=Sort.DIALECT,
                kind=kind,
                cause=command.name,
                line=command.line,
                text=_line(lines, command.line),
                warning=True,
            )
    for use in used_in(read):
        yield _utility(use, lines)


def _in_python(text: str, interpreter: str, lines: list[str]) -> Iterator[ScriptProblem]:
    found = in_python(text)
    if found.error is None:
        for use in found.uses:
            yield _utility(use, lines)
        return
    message, line = found.error
    if not found.python2:
        yield _grammar(f"the script does not parse as Python 3, nor as Python 2: {message}", lines, line)
    elif interpreter.startswith("python3"):
        yield _grammar(f"the script does not parse as Python 3: {message}", lines, line)
    elif not interpreter.startswith("python2"):
        # A bare `python` is Python 3 in most images of today.
        problem = _grammar(f"the script does not parse as Python 3, only as Python 2: {message}", lines, line)
        yield replace(problem, warning=True)


def _grammar(kind: str, lines: list[str], line: int) -> ScriptProblem:
    return ScriptProblem(sort=Sort.GRAMMAR, kind=kind, cause=GRAMMAR, text=_line(lines, line), line=line)


def _utility(use: Use, lines: list[str]) -> ScriptProblem:
    sort = _SORTS[use.utility]
    return ScriptProblem(sort=sort, kind=use.kind, cause=use.cause, line=use.line, text=_line(lines, use.line))


def _line(lines: list[str], number: int) -> str:
    return lines[number - 1] if 0 < number <= len(lines) else ""
