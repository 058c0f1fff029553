"""Whether a script that Python 3 refuses is one of Python 2.

No parser of Python 2 is maintained any more. This rewrites what only Python 2 has (`print x`, `except E, e`, `raise E,
x`, `exec x`, backticks, `<>`, `0777`, `10L`, `ur''`, parameters in parentheses, tabs among spaces) and has Python 3's
own parser read the result.
"""

from __future__ import annotations

import ast
import re
import warnings
from typing import Final

_TOKEN: Final = re.compile(
    r"""(?P<comment>\#[^\n]*)
    |(?P<string>[A-Za-z]{0,2}(?:'''(?:[^\\]|\\.)*?'''|\"\"\"(?:[^\\]|\\.)*?\"\"\"
                |'(?:[^\\'\n]|\\.)*'|"(?:[^\\"\n]|\\.)*"))
    |(?P<number>0[xX][0-9a-fA-F]+[lL]?|[0-9][0-9.]*(?:[eE][+-]?[0-9]+)?[jJlL]?)
    |(?P<name>[A-Za-z_]\w*)
    |(?P<blank>[ \t\f]+|\\\n)
    |(?P<newline>\n)
    |(?P<sign><>|>>=?|[^\s\w])""",
    re.VERBOSE | re.DOTALL,
)
#: Statements that Python 3 has as expressions or does not have: `None, x, y` parses where they do.
_STATEMENTS: Final = frozenset({"print", "exec", "raise"})
#: Keywords of Python 3 that are names in Python 2.
_NAMES: Final = frozenset({"async", "await", "nonlocal"})
_OPEN, _CLOSE = "([{", ")]}"
_Token = tuple[str, str]


def parses(text: str) -> bool:
    """Whether Python 2 parses the text, which Python 3 refuses."""
    tokens = _tokens(text)
    if tokens is None:
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ast.parse("".join(text for line in _logical_lines(tokens) for _, text in _rewritten(line)))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
    return True


def _tokens(text: str) -> list[_Token] | None:
    """Split a text into kinds and texts, None if something in it begins no piece."""
    found: list[_Token] = []
    at = 0
    text = text.replace("\r\n", "\n")
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            return None
        kind, piece = match.lastgroup, match[0]
        if kind == "blank" and (not found or found[-1][0] == "newline"):
            piece = piece.expandtabs(8)
        if kind == "string" and "f" in piece[: re.search("['\"]", piece).start()].lower():  # type: ignore[union-attr]
            return None  # Python 2 has no f-strings
        found.append((kind, piece))
        at = match.end()
    return found


def _logical_lines(tokens: list[_Token]) -> list[list[_Token]]:
    """Return the simple statements: they end with a line outside of brackets, `;`, or the colon of a block."""
    lines: list[list[_Token]] = [[]]
    depth = lambdas = 0
    for kind, piece in tokens:
        lines[-1].append((kind, piece))
        depth += (piece in _OPEN) - (piece in _CLOSE) if kind == "sign" else 0
        lambdas += kind == "name" and piece == "lambda"
        if depth > 0:
            continue
        if kind == "sign" and piece == ":" and lambdas:
            lambdas -= 1
        elif kind == "newline" or (kind == "sign" and piece in ";:"):
            lines.append([])
            lambdas = depth = 0
    return lines


def _rewritten(line: list[_Token]) -> list[_Token]:
    """Return a statement as Python 3 has it."""
    line = [_word(kind, piece) for kind, piece in line]
    places = [at for at, (kind, _) in enumerate(line) if kind not in ("blank", "comment", "newline")]
    if not places:
        return line
    first = places[0]
    word = line[first][1] if line[first][0] == "name" else ""
    following = line[places[1]][1] if len(places) > 1 else ""
    if word in _STATEMENTS and following not in ("(", "=", ".", ",", "") and not following.startswith("#"):
        line = _expression(line, places, word)
    elif word == "print" and following in ("", ";"):
        line[first] = ("name", "None")
    elif word == "except":
        line = _caught(line)
    elif word == "def":
        line = _parameters(line, depth=1)
    return _lambdas(_backticks(line))


def _word(kind: str, piece: str) -> _Token:
    if kind == "number":
        piece = piece.rstrip("lL")
        if re.fullmatch("0[0-7]+", piece):
            piece = f"0o{piece[1:]}"
    elif kind == "string" and piece[:2].lower() in ("ur", "ub"):
        piece = piece[1:]
    elif kind == "name" and piece in _NAMES:
        piece = f"{piece}_"
    elif piece == "<>":
        piece = "!="
    return kind, piece


def _expression(line: list[_Token], places: list[int], word: str) -> list[_Token]:
    """Return `print x`, `exec x` or `raise E, x` as the expression `None, ...`."""
    if word == "raise" and not any(piece == "," for _, piece in _outside(line)):
        return line
    line = list(line)
    line[places[0]] = ("name", "None,")
    if word == "print" and line[places[1]][1] == ">>":
        line[places[1]] = ("blank", " ")
    return line


def _outside(line: list[_Token]) -> list[tuple[int, str]]:
    """Return position and text of the signs outside of brackets."""
    found, depth = [], 0
    for at, (kind, piece) in enumerate(line):
        if kind != "sign":
            continue
        depth -= piece in _CLOSE
        if not depth:
            found.append((at, piece))
        depth += piece in _OPEN
    return found


def _caught(line: list[_Token]) -> list[_Token]:
    line = list(line)
    for at, piece in _outside(line):
        if piece == ",":
            line[at] = ("name", " as ")
            break
    return line


def _backticks(line: list[_Token]) -> list[_Token]:
    opened = False
    found = []
    for kind, piece in line:
        if piece == "`":
            opened = not opened
            found.append((kind, "(" if opened else ")"))
        else:
            found.append((kind, piece))
    return found


def _lambdas(line: list[_Token]) -> list[_Token]:
    """Replace the parameters in parentheses of each `lambda`."""
    at = 0
    while at < len(line):
        if line[at] == ("name", "lambda"):
            line = line[: at + 1] + _parameters(line[at + 1 :], depth=0)
        at += 1
    return line


def _parameters(line: list[_Token], depth: int) -> list[_Token]:
    """Replace each group in parentheses that stands for a parameter: after the head's `(`, or after a comma.

    `depth` is that of the parameters. They end with the colon, or with the head's `)`.
    """
    found: list[_Token] = []
    level = skipped = 0
    before = "(" if depth else ","
    for at, (kind, piece) in enumerate(line):
        if not skipped and level == depth and piece == ("(" if kind == "sign" else "") and before in ("(", ","):
            skipped = 1
            found.append(("name", f" _{at}"))
        elif skipped:
            skipped += (piece in _OPEN) - (piece in _CLOSE) if kind == "sign" else 0
        else:
            if kind == "sign":
                level += (piece in _OPEN) - (piece in _CLOSE)
                if (depth and not level) or (not depth and piece == ":" and not level):
                    return found + line[at:]
            found.append((kind, piece))
        before = piece if kind not in ("blank", "newline", "comment") and not skipped else before
    return found
