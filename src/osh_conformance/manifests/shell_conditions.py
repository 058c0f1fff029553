"""The conditions of bash: `[[ ... ]]`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from osh_conformance.manifests.shell_text import Command
from osh_conformance.manifests.shell_words import KEYWORD, WordReader

if TYPE_CHECKING:
    from osh_conformance.manifests.shell_text import ShellError, Word

_BINARY: Final = re.compile(r"=|==|!=|=~|<|>|-(?:eq|ne|lt|le|gt|ge|nt|ot|ef)")
_UNARY: Final = re.compile(r"-[a-zA-Z]")


class ConditionReader(WordReader):
    """Reads a condition, whose `(`, `|`, `<` and `&&` are operators of its own."""

    def _condition(self, line: int) -> None:
        """Read `[[ ... ]]`."""
        operands: list[str] = []
        self._any_of(line, operands)
        self._newlines()
        if not self._keyword(("]]",)):
            raise self._in_condition(line)
        self._found.append(Command(words=("[[", *operands), line=line))

    def _in_condition(self, line: int) -> ShellError:
        if self._at >= len(self._text):
            return self._fail(f"`[[` of line {line} is never closed", line)
        return self._unexpected(f"`[[` of line {line}")

    def _any_of(self, line: int, operands: list[str]) -> None:
        while True:
            self._newlines()
            self._term(line, operands)
            self._newlines()
            if self._peek(2) not in ("&&", "||"):
                return
            self._take(2)

    def _term(self, line: int, operands: list[str]) -> None:
        while self._keyword(("!",)):
            self._newlines()
        if self._peek() == "(":
            self._take()
            self._any_of(line, operands)
            if self._peek() != ")":
                raise self._in_condition(line)
            self._take()
            return
        word = self._operand(line)
        operands.append(word.text)
        self._blanks()
        if self._ahead(("]]",)) or self._peek() in "&|)\n" or self._at >= len(self._text):
            return
        operator = self._operator()
        if operator:
            self._blanks()
            operands.append(self._regex(line) if operator == "=~" else self._operand(line).text)
        elif word.bare and _UNARY.fullmatch(word.text):
            operands[-1] = self._operand(line).text
        else:
            raise self._in_condition(line)

    def _operator(self) -> str:
        if self._peek() in "<>" and self._peek(2) not in ("<(", ">("):
            return self._take()
        found = KEYWORD.match(self._text, self._at)
        return self._take(len(found[0])) if found and _BINARY.fullmatch(found[0]) else ""

    def _operand(self, line: int) -> Word:
        if self._ahead(("]]",)):
            raise self._in_condition(line)
        word = self._word(extglob=True)
        if not word.raw:
            raise self._in_condition(line)
        return word

    def _regex(self, line: int) -> str:
        """Read the regular expression after `=~`: parentheses and bars are part of it."""
        depth, start = 0, self._at
        while self._at < len(self._text):
            character = self._peek()
            if character in " \t\n" and not depth:
                break
            if character in "'\"`$":
                self._quoted(character)
                continue
            if character == ")" and not depth:
                break
            depth += {"(": 1, ")": -1}.get(character, 0)
            self._take(2 if character == "\\" else 1)
        if self._at == start or depth:
            raise self._in_condition(line)
        return self._text[start : self._at]
