"""The characters of a shell script, its comments, redirections and here-documents."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Final

BLANK: Final = " \t"
_BLANKS: Final = re.compile(r"(?:[ \t]|\\\n)*(?:#[^\n]*)?")


class ShellError(ValueError):
    """The script is not in the shell's grammar; `line` counts from 1."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A simple command: its words without quotes, with expansions as they are written. `line` counts from 1.

    `assignments` are those before the words, as `NAME=value`. A command may consist of them alone. `function` is the
    name of a function that the script defines here: such a command has no words.
    """

    words: tuple[str, ...]
    line: int
    assignments: tuple[str, ...] = ()
    function: str = ""

    @property
    def name(self) -> str:
        """Return the first word, "" if the command only assigns."""
        return self.words[0] if self.words else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A word. `bare`: nothing in it is quoted or expanded, so it may be a keyword. `raw` is as it is written."""

    text: str
    raw: str
    bare: bool
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Heredoc:
    end: str
    tabs: bool
    quoted: bool
    line: int


class TextReader(ABC):
    """Reads characters. Its subclasses read words, conditions and commands.

    `bash`: it reads the grammar of bash, else that of a POSIX shell as dash has it.
    """

    def __init__(self, text: str, *, bash: bool, line: int = 1) -> None:
        self._text = text
        self._bash = bash
        self._at = 0
        self._line = line
        self._found: list[Command] = []
        self._heredocs: list[_Heredoc] = []
        self._endless: ShellError | None = None
        self._depth = 0
        #: Patterns such as `@(a|b)` are grammar only where a script switches them on.
        self._extglob = bash and "extglob" in text

    def _peek(self, length: int = 1) -> str:
        return self._text[self._at : self._at + length]

    def _take(self, length: int = 1) -> str:
        taken = self._peek(length)
        self._at += length
        self._line += taken.count("\n")
        return taken

    def _fail(self, message: str, line: int | None = None) -> ShellError:
        return ShellError(message, self._line if line is None else line)

    def _blanks(self) -> None:
        found = _BLANKS.match(self._text, self._at)
        if found and found[0]:
            self._take(len(found[0]))

    def _newlines(self) -> bool:
        """Skip blanks, comments and newlines; return whether there was a newline."""
        found = False
        self._blanks()
        while self._peek() == "\n":
            found = True
            self._newline()
            self._blanks()
        return found

    def _newline(self) -> None:
        self._take()
        self._bodies()

    @abstractmethod
    def _word(self) -> Word:
        """Read a word, which is empty where none begins."""

    @abstractmethod
    def _quoted(self, character: str, *, inside: bool = False) -> str:
        """Read what a quote or `$` opens; return its text. `inside`: of a text in double quotes."""

    def _redirect(self, sign: str) -> None:
        self._take(len(sign))
        self._blanks()
        word = self._word()
        if not word.raw:
            raise self._fail(f"`{sign}` leads nowhere")
        if sign.lstrip("0123456789") in ("<<", "<<-"):
            # A quote in the delimiter switches expansion off; the body is data in both cases.
            quoted = any(quote in word.raw for quote in "'\"\\")
            end = re.sub(r"[\\'\"]", "", word.raw) if quoted else word.raw
            self._heredocs.append(_Heredoc(end=end, tabs=sign.endswith("-"), quoted=quoted, line=self._line))

    def _bodies(self) -> None:
        """Skip the bodies of the here-documents that begin in the line before."""
        pending, self._heredocs = self._heredocs, []
        for heredoc in pending:
            self._body(heredoc)

    def _body(self, heredoc: _Heredoc) -> None:
        start, first = self._at, self._line
        while self._at < len(self._text):
            stop = self._text.find("\n", self._at)
            stop = stop if stop >= 0 else len(self._text)
            line = self._text[self._at : stop].lstrip("\t" if heredoc.tabs else "")
            if line == heredoc.end:
                body = self._text[start : self._at]
                self._take(stop + 1 - self._at)
                self._expansions(heredoc, body, first)
                return
            if self._bash and self._depth and line.startswith(heredoc.end) and ")" in line[len(heredoc.end) :]:
                # bash ends a here-document in $(...) at `EOF)` too.
                self._at += self._text[self._at : stop].index(heredoc.end) + len(heredoc.end)
                return
            self._take(stop + 1 - self._at)
        if self._endless is None:
            what = f"the here-document never ends: no line after it is `{heredoc.end}`"
            self._endless = self._fail(what, heredoc.line)

    def _expansions(self, heredoc: _Heredoc, body: str, line: int) -> None:
        """Read the expansions in a body, as dash does before it runs anything."""
        if not (self._bash or heredoc.quoted) and ("$" in body or "`" in body):
            self._found += type(self)(body, bash=False, line=line).read_text()

    def read_text(self) -> list[Command]:
        """List the commands of the substitutions in a text that is no script. Raises `ShellError`."""
        while self._at < len(self._text):
            character = self._peek()
            if character in "`$":
                self._quoted(character, inside=True)
            else:
                self._take(2 if character == "\\" else 1)
        return self._found
