"""The words of a shell script: quotes and expansions. `shell` reads the commands that they form."""

from __future__ import annotations

import contextlib
import re
from abc import abstractmethod
from typing import TYPE_CHECKING, Final

from osh_conformance.manifests.shell_text import BLANK, Command, ShellError, TextReader, Word

if TYPE_CHECKING:
    from collections.abc import Iterable

ENDS: Final = "\n;&|()"
NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\[[^\]]*\])?\+?=")
#: Characters that have no meaning of their own in a word.
_PLAIN: Final = re.compile(r"[A-Za-z0-9_./:,%-]+")
#: A word of such characters that ends there.
_WHOLE: Final = re.compile(r"[A-Za-z0-9_./:,%@=+-]+(?=[ \t\n;&|<>)]|\Z)")
_QUOTABLE: Final = re.compile(r"[^\"\\`$\n]+")
#: An expansion whose word is a pattern: quotes in it are quotes, also inside of a quoted text.
_PATTERN: Final = re.compile(r"#?(?:[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?$!-])?[#%]")
#: Keywords that end a list of commands, or stand inside of a compound command.
CLOSES: Final = frozenset({"then", "elif", "else", "fi", "do", "done", "esac", "}", "in"})
BRANCHES: Final = (";;&", ";;", ";&")
KEYWORD: Final = re.compile(r"[^\s;&|()<>]+")
_ESCAPED: Final = re.compile(r"\\([\\$`])")


class WordReader(TextReader):
    """Reads words. The subclass reads commands, which substitutions in words contain too."""

    @abstractmethod
    def read(self) -> tuple[Command, ...]:
        """List the simple commands, those of substitutions too, in the order of the text. Raises `ShellError`."""

    @abstractmethod
    def _nested(self, *, empty: bool = True) -> None:
        """Read the commands up to the `)` that closes the block."""

    def _word(self, *, array: bool = False, extglob: bool = False) -> Word:
        """Read a word. With `array`, `name=(...)` is one."""
        bare, start, line = True, self._at, self._line
        if whole := _WHOLE.match(self._text, start):
            self._at = whole.end()
            return Word(text=whole[0], raw=whole[0], bare=True, line=line)
        parts: list[str] = []
        while self._at < len(self._text):
            character = self._peek()
            if character == "(" and self._bash and array and NAME.fullmatch(self._text[start : self._at]):
                self._take()
                self._array()
            elif character == "(" and (extglob or self._extglob) and parts and parts[-1][-1:] in tuple("?*+@!"):
                self._take()
                self._nested_word()
            elif self._bash and self._peek(2) in ("<(", ">("):
                self._take(2)
                self._nested()
                bare = False
            elif character in BLANK or character in ENDS or character in "<>":
                break
            elif character == "\\":
                bare = False
                taken = self._take(2)
                parts.append("" if taken == "\\\n" else taken[1:])
            elif character in "'\"`$":
                bare = False
                parts.append(self._quoted(character))
            elif plain := _PLAIN.match(self._text, self._at):
                parts.append(plain[0])
                self._at = plain.end()
            else:
                parts.append(self._take())
        return Word(text="".join(parts), raw=self._text[start : self._at], bare=bare, line=line)

    def _array(self) -> None:
        line = self._line
        while True:
            self._newlines()
            if self._at >= len(self._text):
                raise self._fail("an array is never closed", line)
            if self._peek() == ")":
                self._take()
                return
            start = self._at
            self._word()
            if self._at == start:
                raise self._fail(f"`{self._peek()}` inside an array")

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

    def _quoted(self, character: str, *, inside: bool = False) -> str:
        """Read what a quote or `$` opens; return its text. `inside`: of a text in double quotes."""
        start, line = self._at, self._line
        if character == "'":
            end = self._text.find("'", self._at + 1)
            if end < 0:
                raise self._fail("a ' is never closed", line)
            return self._take(end + 1 - self._at)[1:-1]
        if character == '"':
            self._take()
            return self._double(line)
        if character == "`":
            self._take()
            self._backticks(line, inside=inside)
        else:
            self._dollar(line, inside=inside)
        return self._text[start : self._at]

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
                parts.append(self._quoted(character, inside=True))
            elif plain := _QUOTABLE.match(self._text, self._at):
                parts.append(plain[0])
                self._at = plain.end()
            else:
                parts.append(self._take())
        raise self._fail('a " is never closed', line)

    def _backticks(self, line: int, *, inside: bool) -> None:
        start = self._at
        while self._at < len(self._text):
            character = self._peek()
            if character == "\\":
                self._take(2)
            elif character == "`":
                inner = _ESCAPED.sub(r"\1", self._text[start : self._at])
                self._take()
                reader = type(self)(inner.replace('\\"', '"') if inside else inner, bash=self._bash, line=line)
                # bash parses backticks only when it runs them: an error in them is none of its grammar.
                with contextlib.suppress(*([ShellError] if self._bash else [])):
                    self._found += reader.read()
                return
            else:
                self._take()
        raise self._fail("a ` is never closed", line)

    def _dollar(self, line: int, *, inside: bool = False) -> None:
        following = self._peek(3)
        if following == "$((" and self._arithmetic(3):
            return
        if following == "$((" and not self._bash:
            raise self._fail("`$((` is never closed", line)
        if following[:2] == "$(":
            self._take(2)
            self._nested()
        elif following[:2] == "${":
            self._take(2)
            self._parameter(line, literal=inside and not self._bash and not _PATTERN.match(self._text, self._at))
        elif following[:2] == "$[" and self._bash:
            self._take(2)
            self._brackets(line)
        elif following[:2] == "$'" and self._bash and not inside:
            self._take(2)
            self._double_single(line)
        elif following[:2] in ("$#", "$$", "$!"):
            self._take(2)
        else:
            self._take()

    def _arithmetic(self, opening: int) -> bool:
        """Read `((...))`, whose first `opening` characters end in `((`; return False if it is a subshell in another."""
        state = self._at, self._line, len(self._found), list(self._heredocs), self._depth
        self._take(opening)
        depth = 0
        with contextlib.suppress(ShellError):
            while self._at < len(self._text):
                character = self._peek()
                if character in '"`$' or (character == "'" and self._bash):
                    self._quoted(character)
                    continue
                self._take(2 if character == "\\" else 1)
                if character == ")" and not depth:
                    if self._peek() != ")":
                        break
                    self._take()
                    return True
                depth += {"(": 1, ")": -1}.get(character, 0)
        self._at, self._line = state[:2]
        del self._found[state[2] :]
        self._heredocs, self._depth = state[3:]
        return False

    def _brackets(self, line: int) -> None:
        depth = 1
        while self._at < len(self._text):
            character = self._peek()
            if character in "'\"`$":
                self._quoted(character)
                continue
            self._take(2 if character == "\\" else 1)
            depth += {"[": 1, "]": -1}.get(character, 0)
            if not depth:
                return
        raise self._fail("`$[` is never closed", line)

    def _parameter(self, line: int, *, literal: bool) -> None:
        """Read up to the `}` that closes `${`. `literal`: a single quote in it quotes nothing."""
        while self._at < len(self._text):
            character = self._peek()
            if character == "}":
                self._take()
                return
            if character == "\\":
                self._take(2)
            elif character in '"`$' or (character == "'" and not literal):
                self._quoted(character)
            elif plain := _PLAIN.match(self._text, self._at):
                self._at = plain.end()
            else:
                self._take()
        raise self._fail("`${` is never closed", line)

    def _double_single(self, line: int) -> None:
        while self._at < len(self._text):
            if self._take(2 if self._peek() == "\\" else 1) == "'":
                return
        raise self._fail("a $' is never closed", line)

    def _unexpected(self, closing: str = "") -> ShellError:
        """Return the error that the next word or character makes."""
        inside = f" inside {closing}" if closing else ""
        branch = next((end for end in BRANCHES if self._peek(len(end)) == end), "")
        character = branch or self._peek()
        if character == "\n":
            return self._fail(f"the line ends where a command is expected{inside}")
        if (character and character in ENDS) or branch:
            return self._fail(f"`{character}` is unexpected{inside}" if character != ")" else "`)` closes nothing")
        word = self._next()
        if word is None or not word.raw:
            return self._fail(f"`{character}` is unexpected{inside}")
        if word.raw in CLOSES:
            return self._fail(f"`{word.raw}` closes nothing{inside}", word.line)
        return self._fail(f"`{word.raw}` is unexpected{inside}", word.line)

    def _next(self) -> Word | None:
        """Return the next word without taking it, None if it has an error."""
        state = self._at, self._line, list(self._heredocs), len(self._found)
        try:
            return self._word()
        except ShellError:
            return None
        finally:
            self._at, self._line, self._heredocs = state[:3]
            del self._found[state[3] :]

    def _keyword(self, words: Iterable[str]) -> str:
        """Take the next word if it is one of the keywords, and return it, else ""."""
        found = KEYWORD.match(self._text, self._at)
        if not found or found[0] not in words:
            return ""
        self._take(len(found[0]))
        return found[0]

    def _ahead(self, words: Iterable[str]) -> str:
        at, line = self._at, self._line
        found = self._keyword(words)
        self._at, self._line = at, line
        return found

    def _expect(self, keywords: tuple[str, ...], opening: str, line: int) -> str:
        """Take one of the keywords that a compound command needs here."""
        if found := self._keyword(keywords):
            return found
        if self._at >= len(self._text):
            raise self._fail(f"`{opening}` of line {line} is never closed", line)
        raise self._unexpected(f"`{opening}` of line {line}")
