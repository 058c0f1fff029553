"""The words of a shell script: quotes, expansions, here-documents. `shell` reads the commands that they form."""

from __future__ import annotations

import contextlib
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Final

BLANK: Final = " \t"
ENDS: Final = "\n;&|()"
NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\[[^\]]*\])?\+?=")
#: Characters that have no meaning of their own in a word.
_PLAIN: Final = re.compile(r"[A-Za-z0-9_./:,%-]+")
_QUOTABLE: Final = re.compile(r"[^\"\\`$\n]+")


class ShellError(ValueError):
    """The script ends inside a block, or closes one that is not open; `line` counts from 1."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A simple command: its words without quotes, with expansions as they are written. `line` counts from 1."""

    words: tuple[str, ...]
    line: int

    @property
    def name(self) -> str:
        """Return the first word."""
        return self.words[0]


class WordReader(ABC):
    """Reads characters and words. The subclass reads commands, which substitutions in words contain too."""

    def __init__(self, text: str, line: int = 1) -> None:
        self._text = text
        self._at = 0
        self._line = line
        self._found: list[Command] = []
        self._heredocs: list[tuple[str, bool]] = []

    @abstractmethod
    def read(self) -> tuple[Command, ...]:
        """List the simple commands, those of substitutions too. Raises `ShellError`."""

    @abstractmethod
    def _nested(self) -> None:
        """Read the commands up to the `)` that closes the block."""

    def _peek(self, length: int = 1) -> str:
        return self._text[self._at : self._at + length]

    def _take(self, length: int = 1) -> str:
        taken = self._peek(length)
        self._at += length
        self._line += taken.count("\n")
        return taken

    def _fail(self, message: str, line: int | None = None) -> ShellError:
        return ShellError(message, self._line if line is None else line)

    def _blanks(self, *, newlines: bool = False) -> None:
        while self._at < len(self._text):
            if self._peek() in BLANK or (newlines and self._peek() == "\n"):
                self._take()
            elif self._peek(2) == "\\\n":
                self._take(2)
            elif newlines and self._peek() == "#":
                self._comment()
            else:
                return

    def _at_word(self, word: str) -> bool:
        after = self._text[self._at + len(word) : self._at + len(word) + 1]
        return self._peek(len(word)) == word and (after == "" or after in " \t\n;&|()<>")

    def _comment(self) -> None:
        end = self._text.find("\n", self._at)
        self._at = end if end >= 0 else len(self._text)

    def _word(self) -> tuple[bool, str]:
        """Read a word; return whether it is bare (nothing quoted or expanded), and its text without quotes."""
        bare = True
        parts: list[str] = []
        while self._at < len(self._text):
            character = self._peek()
            if character == "(" and parts and "".join(parts).endswith("=") and NAME.match("".join(parts)):
                self._take()
                self._array()
            elif character == "(" and parts and parts[-1] in ("?", "*", "+", "@", "!"):
                # bash's extglob, or another shell's syntax: the reader does not distinguish them
                self._take()
                self._nested_word()
            elif character in BLANK or character in ENDS or character in "<>":
                if character in "<>" and self._peek(2) in ("<(", ">("):
                    self._take(2)
                    self._nested()
                    continue
                break
            elif character == "\\":
                bare = False
                taken = self._take(2)
                parts.append("" if taken == "\\\n" else taken[1:])
            elif character in "'\"`$":
                text, quoted = self._quoted(character)
                bare = bare and not quoted
                parts.append(text)
            elif plain := _PLAIN.match(self._text, self._at):
                parts.append(plain[0])
                self._at = plain.end()
            else:
                parts.append(self._take())
        return bare, "".join(parts)

    def _array(self) -> None:
        line = self._line
        while self._at < len(self._text):
            character = self._peek()
            if character == ")":
                self._take()
                return
            if character == "#":
                self._comment()
            elif character in " \t\n":
                self._take()
            elif character in ENDS or character in "<>":
                if self._peek(2) in ("<(", ">("):
                    self._word()
                    continue
                raise self._fail(f"`{character}` inside an array")
            else:
                self._word()
        raise self._fail("an array is never closed", line)

    def _nested_word(self) -> None:
        line, depth = self._line, 1
        while self._at < len(self._text):
            character = self._peek()
            if character in "'\"`$\\":
                self._quoted(character) if character != "\\" else self._take(2)
                continue
            self._take()
            depth += {"(": 1, ")": -1}.get(character, 0)
            if not depth:
                return
        raise self._fail("`(` is never closed", line)

    def _quoted(self, character: str) -> tuple[str, bool]:
        start, line = self._at, self._line
        if character == "'":
            end = self._text.find("'", self._at + 1)
            if end < 0:
                raise self._fail("a ' is never closed", line)
            return self._take(end + 1 - self._at)[1:-1], True
        if character == '"':
            self._take()
            return self._double(line), True
        if character == "`":
            self._take()
            self._backticks(line)
        else:
            self._dollar(line)
        return self._text[start : self._at], True

    def _double(self, line: int) -> str:
        parts: list[str] = []
        while self._at < len(self._text):
            character = self._peek()
            if character == '"':
                self._take()
                return "".join(parts)
            if character == "\\":
                taken = self._take(2)
                parts.append(taken[1:] if taken[1:] in '$`"\\' else "" if taken == "\\\n" else taken)
            elif character in "`$":
                parts.append(self._quoted(character)[0])
            elif plain := _QUOTABLE.match(self._text, self._at):
                parts.append(plain[0])
                self._at = plain.end()
            else:
                parts.append(self._take())
        raise self._fail('a " is never closed', line)

    def _backticks(self, line: int) -> None:
        start = self._at
        while self._at < len(self._text):
            character = self._peek()
            if character == "\\":
                self._take(2)
            elif character == "`":
                inner = self._text[start : self._at]
                self._take()
                # Shells parse backticks only when they run them: an error in them is none of the script's grammar.
                with contextlib.suppress(ShellError):
                    self._found += type(self)(inner, line).read() if "\\" not in inner else ()
                return
            else:
                self._take()
        raise self._fail("a ` is never closed", line)

    def _dollar(self, line: int) -> None:
        if self._peek(3) == "$((":
            end = self._arithmetic_end(self._at + 1)
            if end is not None:
                self._take(end - self._at)
                return
        if self._peek(2) == "$(":
            self._take(2)
            self._nested()
        elif self._peek(2) == "${":
            self._take(2)
            self._parameter(line)
        elif self._peek(2) == "$'":
            self._take(2)
            self._double_single(line)
        elif self._peek(2) in ("$#", "$$", "$!"):
            self._take(2)
        else:
            self._take()

    def _arithmetic_end(self, at: int) -> int | None:
        """Return the end of the `((...))` that begins at `at`, None if it is a subshell in parentheses."""
        depth = 0
        while at < len(self._text):
            depth += {"(": 1, ")": -1}.get(self._text[at], 0)
            at += 1
            if depth == 0:
                return at if self._text[at - 2] == ")" else None
        return None

    def _parameter(self, line: int) -> None:
        while self._at < len(self._text):
            character = self._peek()
            if character == "}":
                self._take()
                return
            if character == "\\":
                self._take(2)
            elif character in "'\"`$":
                self._quoted(character)
            else:
                self._take()
        raise self._fail("`${` is never closed", line)

    def _double_single(self, line: int) -> None:
        while self._at < len(self._text):
            if self._take(2 if self._peek() == "\\" else 1) == "'":
                return
        raise self._fail("a $' is never closed", line)

    def _redirect(self, sign: str) -> None:
        if sign in ("<", ">") and self._peek(2) in ("<(", ">("):
            self._take(2)
            self._nested()
            return
        self._take(len(sign))
        self._blanks()
        if self._at >= len(self._text) or self._peek() in "\n;":
            raise self._fail(f"`{sign}` leads nowhere")
        start = self._at
        word = self._word()[1]
        if sign.lstrip("0123456789") in ("<<", "<<-"):
            # A quote in the delimiter switches expansion off; the body is data in both cases.
            written = self._text[start : self._at]
            end = re.sub(r"[\\'\"]", "", written) if written != word else word
            self._heredocs.append((end, sign.endswith("-")))

    def _bodies(self) -> None:
        """Skip the bodies of the here-documents that begin in the line before."""
        for end, tabs in self._heredocs:
            while self._at < len(self._text):
                stop = self._text.find("\n", self._at)
                body = self._take((stop if stop >= 0 else len(self._text)) + 1 - self._at).removesuffix("\n")
                if (body.lstrip("\t") if tabs else body) == end:
                    break
        self._heredocs.clear()
