"""The problems of one script: its interpreter, its grammar, and the programs and places of one image flavor in it."""

from __future__ import annotations

import ast
import functools
import posixpath
import re
import warnings
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from osh_conformance.manifests.commands import SHELLS, Script, is_python, unwrapped
from osh_conformance.manifests.shell import Command, ShellError, commands
from osh_conformance.manifests.vocabulary import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_TESTS = frozenset({"test", "[", "[[", "command", "which", "type", "hash", "ls", "stat"})
#: The cause of a script that does not parse: the parser's message may hold a line number.
GRAMMAR = "grammar"
_PLACE = "{}, where one image flavor keeps its code"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptProblem:
    """A problem of a script. `line` counts in the script and `text` is that line.

    `kind` is the type of the problem, and groups the problems of one finding. `cause` is the program or folder, or that
    the script does not parse.
    """

    kind: str
    cause: str
    line: int
    text: str = ""
    warning: bool = False


def problems_in(command: Command) -> tuple[ScriptProblem, ...]:
    """Return the problems of a command line that is no script."""
    return tuple(_in_command(command))


def problems_of(script: Script) -> tuple[ScriptProblem, ...]:
    """Return the problems of a script: of its interpreter, its grammar, and what it calls."""
    return _problems(script.text, script.interpreter)


@functools.lru_cache(maxsize=256)
def _problems(text: str, interpreter: str) -> tuple[ScriptProblem, ...]:
    return tuple(_found(text, interpreter))


def _found(text: str, interpreter: str) -> Iterator[ScriptProblem]:
    lines = text.splitlines() or [""]
    if interpreter in words("utilities")["unpromised_interpreters"]:
        yield ScriptProblem(kind=f"the interpreter {interpreter}", cause=interpreter, line=1, warning=True)
    if is_python(interpreter):
        yield from _in_python(text, interpreter, lines)
    elif interpreter in SHELLS:
        yield from _in_shell(text, interpreter, lines)


def _in_shell(text: str, interpreter: str, lines: list[str]) -> Iterator[ScriptProblem]:
    try:
        read = commands(text)
    except ShellError as error:
        kind = f"the script does not parse as {interpreter}: {error}"
        yield ScriptProblem(kind=kind, cause=GRAMMAR, text=_line(lines, error.line), line=error.line)
        return
    tested = {word for command in read if command.name in _TESTS for word in command.words[1:]}
    tested |= _conditions(text)
    for command in read:
        for problem in _in_command(command, tested):
            yield replace(problem, text=_line(lines, problem.line))


def _conditions(text: str) -> set[str]:
    """Return the words between `[[` and `]]`: a script that tests for a program works without it."""
    return {word.strip("\"'") for found in re.findall(r"\[\[(.*?)\]\]", text, re.DOTALL) for word in found.split()}


def _line(lines: list[str], number: int) -> str:
    return lines[number - 1] if 0 < number <= len(lines) else ""


def _in_command(command: Command, tested: Iterable[str] = ()) -> Iterator[ScriptProblem]:
    """Yield the problems of one command; a program or folder that the script tests for (`tested`) is none."""
    if command.name in _TESTS:
        return
    run = unwrapped(list(command.words))
    program = posixpath.basename(run[0]) if run else ""
    utilities = words("utilities")
    names = (run[0], program) if run else ()
    if any(fnmatchcase(program, pattern) for pattern in utilities["flavor_programs"]) and not set(names) & set(tested):
        yield ScriptProblem(kind=f"{program}, a program of one image flavor", cause=program, line=command.line)
    acts = any(word in utilities["package_actions"] for word in run[1:3])
    if program in utilities["package_tools"] and acts and not set(names) & set(tested):
        yield ScriptProblem(kind=f"{program}, a package tool", cause=program, line=command.line)
    if is_python(program) and run[1:3] == ["-m", "pip"]:
        yield ScriptProblem(kind="pip, a package tool", cause="pip", line=command.line)
    for word in run:
        path = _flavor_path(word)
        if path and not any(path in other for other in tested):
            yield ScriptProblem(kind=_PLACE.format(path), cause=path, line=command.line)


def _flavor_path(word: str) -> str:
    """Return the folder of one image flavor that a word lies in, else "". A list of several places relies on none."""
    for path in words("utilities")["flavor_paths"]:
        if word == path or word.startswith(f"{path}/"):
            return "" if ":" in word else str(path)
    return ""


def _in_python(text: str, interpreter: str, lines: list[str]) -> Iterator[ScriptProblem]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError) as error:
            line = getattr(error, "lineno", None) or 1
            message = getattr(error, "msg", None) or str(error)
            if interpreter.startswith("python2"):
                return
            # A bare `python` may be Python 2.
            unsure = not interpreter.startswith("python3")
            kind = f"the script does not parse as Python 3: {message}"
            yield ScriptProblem(kind=kind, cause=GRAMMAR, text=_line(lines, line), line=line, warning=unsure)
            return
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if path := _flavor_path(node.value):
                kind = _PLACE.format(path)
                yield ScriptProblem(kind=kind, cause=path, text=_line(lines, node.lineno), line=node.lineno)
            elif any(fnmatchcase(node.value, pattern) for pattern in words("utilities")["flavor_programs"]):
                kind = f"{node.value}, a program of one image flavor"
                yield ScriptProblem(kind=kind, cause=node.value, text=_line(lines, node.lineno), line=node.lineno)
