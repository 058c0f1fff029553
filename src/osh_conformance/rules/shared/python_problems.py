"""What a Python script runs and names, and whether it parses."""

from __future__ import annotations

import ast
import functools
import re
import sys
import warnings
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from osh_conformance.manifests import python2
from osh_conformance.manifests.shell import Command, ShellError, commands
from osh_conformance.manifests.vocabulary import words
from osh_conformance.rules.shared.script_utilities import Use, Utility, flavor_path, used_in

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Functions that run a program: its words, or a command line of the shell.
_RUNS = frozenset(
    {"system", "popen", "run", "call", "check_call", "check_output", "Popen", "getoutput", "getstatusoutput"}
)
_MODULES = frozenset({"os", "subprocess", "commands"})
#: Functions that ask whether a program or a file is there.
_ASKS = frozenset({"which", "exists", "isfile", "isdir", "access", "find_executable"})
_PRINTS = frozenset({"print", "debug", "info", "warning", "warn", "error", "exception", "critical", "write"})


#: What Python 3.12 has and 3.11 has not, beside texts in texts: types with parameters, and `type` as a statement.
_NEWER = re.compile(r"\s*(type\s+\w+[^=]*=|((async\s+)?def|class)\s+\w+\[)")


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonScript:
    """How Python reads a script. `error` is Python 3's message and line, None if it parses.

    `python2`: Python 2 parses it, where Python 3 does not.
    """

    uses: tuple[Use, ...] = ()
    error: tuple[str, int] | None = None
    python2: bool = False


@functools.lru_cache(maxsize=128)
def in_python(text: str) -> PythonScript:
    """Read a Python script."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            tree = ast.parse(text)
            compile(text, "script", "exec", dont_inherit=True)  # it finds more: `return` outside of a function
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            line = getattr(error, "lineno", None) or 1
            message = getattr(error, "msg", None) or str(error)
            if _is_newer(text, line, message):
                return PythonScript()
            return PythonScript(error=(message, line), python2=python2.parses(text))
    return PythonScript(uses=tuple(sorted(set(_uses(tree)), key=lambda use: (use.line, use.cause))))


def _is_newer(text: str, line: int, message: str) -> bool:
    """Whether a later Python than the one that reads the text may have this grammar: 3.12 has more than 3.11."""
    lines = text.splitlines()
    written = lines[line - 1] if 0 < line <= len(lines) else ""
    return sys.version_info < (3, 12) and (message.startswith("f-string: ") or _NEWER.match(written) is not None)


def _uses(tree: ast.Module) -> Iterator[Use]:
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    asked = [
        (text, node.lineno) for node in calls if _name(node) in _ASKS for text, _ in _texts(*node.args, *node.keywords)
    ]
    silent = {id(text) for node in calls if _name(node) in _PRINTS for text in ast.walk(node)}
    silent |= {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    silent |= {id(each) for node in calls if _name(node) in _ASKS for each in ast.walk(node)}
    modules = _modules(tree)
    found = [use for node in calls if _runs(node, modules) for use in _run(node)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in silent:
            found += _named(node.value, node.lineno)
    for use in found:
        if not any(line <= use.line and use.cause in text for text, line in asked):
            yield use


def _named(text: str, line: int) -> Iterator[Use]:
    if any(character.isspace() for character in text):
        return
    if path := flavor_path(text):
        yield Use(utility=Utility.PLACE, cause=path, line=line)
    elif any(fnmatchcase(text, pattern) for pattern in words("utilities")["flavor_programs"]):
        yield Use(utility=Utility.PROGRAM, cause=text, line=line)


def _name(node: ast.Call) -> str:
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def _modules(tree: ast.Module) -> frozenset[str]:
    """Return the names by which a script has the modules that run programs."""
    imports = (alias for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names)
    return _MODULES | {alias.asname for alias in imports if alias.asname and alias.name in _MODULES}


def _runs(node: ast.Call, modules: frozenset[str]) -> bool:
    """Whether a call runs a program: `os.system`, `subprocess.run`, `check_call` and the like."""
    if _command(node) is None or _name(node) not in _RUNS:
        return False
    if isinstance(node.func, ast.Attribute):
        return isinstance(node.func.value, ast.Name) and node.func.value.id in modules
    return _name(node) != "run"


def _command(node: ast.Call) -> ast.expr | None:
    """Return the argument that is a command, in its place or by its name."""
    named = [each.value for each in node.keywords if each.arg in ("args", "cmd")]
    return next(iter([*node.args, *named]), None)


def _run(node: ast.Call) -> tuple[Use, ...]:
    """Return the uses in the command that a call runs, as far as it is literal."""
    first = _command(node)
    while isinstance(first, ast.BinOp) and isinstance(first.left, ast.List | ast.BinOp) and not _literal(first):
        first = first.left
    if isinstance(first, ast.List | ast.Tuple):
        argv = tuple("python3" if ast.unparse(each) == "sys.executable" else _literal(each) for each in first.elts)
        return used_in((Command(words=argv, line=node.lineno),)) if argv else ()
    try:
        read = commands(_literal(first))
    except ShellError:
        return ()
    return tuple(replace(use, line=node.lineno) for use in used_in(read))


def _literal(node: ast.AST | None) -> str:
    """Return a text with `x` for each part that is not literal, "" if nothing in it is."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(_literal(part) or "x" for part in parts)
        case ast.BinOp(left=left, op=ast.Mod()):
            return _literal(left)
        case ast.BinOp(left=left, op=ast.Add(), right=right) if _literal(left):
            return _literal(left) + (_literal(right) or "x")
        case ast.Call(func=ast.Attribute(value=text, attr="format")):
            return _literal(text)
    return ""


def _texts(*nodes: ast.AST) -> Iterator[tuple[str, int]]:
    """Yield the texts of literal strings, and "" for anything else."""
    for node in nodes:
        literal = isinstance(node, ast.Constant) and isinstance(node.value, str)
        yield (node.value if literal else "", getattr(node, "lineno", 0))  # type: ignore[attr-defined]
