"""A light reader of shell scripts: the simple commands in them, and whether each block is closed.

It executes nothing. It knows what POSIX sh and bash have in common and reads the rest as words: a mistake that is
missed is better than a false one. A test compares it with `bash -n` on randomly damaged scripts.
"""

from __future__ import annotations

import functools
import re
from typing import Final

from osh_conformance.manifests.shell_words import BLANK, ENDS, NAME, Command, ShellError, WordReader

__all__ = ["Command", "ShellError", "commands"]

_REDIRECT: Final = re.compile(r"[0-9]*(?:<<<|<<-?|>>|<>|>\||[<>]&|<|>)|&>>?")
_OPENS: Final = {
    "if": "fi",
    "case": "esac",
    "while": "done",
    "until": "done",
    "for": "done",
    "select": "done",
    "{": "}",
}
_CLOSES: Final = frozenset({"fi", "esac", "done", "}"})
#: A command follows these, as at the start of a line.
_GO_ON: Final = frozenset({"then", "do", "else", "elif", "!", "time", "if", "while", "until", "{"})


@functools.lru_cache(maxsize=256)
def commands(text: str) -> tuple[Command, ...]:
    """List the simple commands, those of substitutions too. Raises `ShellError`."""
    return _Reader(text).read()


class _Reader(WordReader):
    def read(self) -> tuple[Command, ...]:
        self._list(until=None)
        return tuple(self._found)

    def _list(self, until: str | None) -> None:  # noqa: C901, PLR0912  (a branch for each kind of character)
        """Read commands up to an unmatched `)` if `until` is `)`, else to the end."""
        blocks: list[tuple[str, int]] = []
        words: list[str] = []
        first = self._line
        started = self._line

        def finish() -> None:
            if words:
                self._found.append(Command(words=tuple(words), line=first))
                words.clear()

        while self._at < len(self._text):
            character = self._peek()
            if character in BLANK or self._peek(2) == "\\\n":
                self._take(2 if character == "\\" else 1)
            elif character == "#":
                self._comment()
            elif character == "\n":
                finish()
                self._take()
                self._bodies()
            elif match := _REDIRECT.match(self._text, self._at):
                self._redirect(match[0])
            elif character == "(" and self._peek(2) == "((" and not words:
                self._arithmetic_command()
            elif character == "(":
                self._parenthesis(words)
            elif character == ")":
                if until != ")" or blocks:
                    raise self._fail("`)` closes nothing" if not blocks else f"`)` inside `{blocks[-1][0]}`")
                finish()
                return
            elif character in ENDS:
                finish()
                self._end_of_command(blocks)
            else:
                line = self._line
                bare, word = self._word()
                if not words:
                    first = line
                    if bare and self._keyword(word, line, blocks):
                        continue
                if not (not words and NAME.match(word)):
                    words.append(word)
        finish()
        if blocks:
            raise self._fail(f"`{blocks[-1][0]}` of line {blocks[-1][1]} is never closed", blocks[-1][1])
        if until is not None:
            raise self._fail("`(` is never closed", started)

    def _end_of_command(self, blocks: list[tuple[str, int]]) -> None:
        branch = next((end for end in (";;&", ";;", ";&") if self._peek(len(end)) == end), "")
        if branch and (not blocks or blocks[-1][0] != "case"):
            raise self._fail(f"`{branch}` outside of a `case`")
        self._take(len(branch) or 1)
        if branch:
            self._pattern(blocks)

    def _keyword(self, word: str, line: int, blocks: list[tuple[str, int]]) -> bool:
        """Read a keyword at the start of a command; return whether `word` is one."""
        if word in _OPENS:
            blocks.append((word, line))
            if word == "case":
                self._case_head(blocks)
            elif word in ("for", "select"):
                self._for_head()
            return True
        if word in _CLOSES:
            if not blocks or _OPENS[blocks[-1][0]] != word:
                inside = f" inside `{blocks[-1][0]}` of line {blocks[-1][1]}" if blocks else ""
                raise self._fail(f"`{word}` closes nothing{inside}", line)
            blocks.pop()
            return True
        if word == "function":
            self._blanks()
            self._word()
            return True
        if word == "[[":
            self._condition(line)
            return True
        return word in _GO_ON

    def _for_head(self) -> None:
        self._blanks()
        if self._peek(2) == "((":
            self._arithmetic_command()
            return
        while self._at < len(self._text) and self._peek() not in "\n;":
            if self._peek() in BLANK or self._peek(2) == "\\\n":
                self._take(2 if self._peek() == "\\" else 1)
            elif self._peek() in ENDS:
                return
            else:
                self._word()

    def _condition(self, line: int) -> None:
        while self._at < len(self._text):
            if self._peek() in " \t\n&|()<>;":
                self._take()
            elif self._word()[1] == "]]":
                return
        raise self._fail("`[[` is never closed", line)

    def _case_head(self, blocks: list[tuple[str, int]]) -> None:
        """Read `case WORD in` and the first pattern."""
        self._blanks()
        self._word()
        self._blanks(newlines=True)
        if self._word()[1] != "in":
            raise self._fail("`case` without `in`", blocks[-1][1])
        self._pattern(blocks)

    def _pattern(self, blocks: list[tuple[str, int]]) -> None:
        """Read `PATTERN)`, whose parenthesis closes nothing, or `esac`."""
        line = blocks[-1][1]
        self._blanks(newlines=True)
        if self._at_word("esac"):
            self._take(len("esac"))
            blocks.pop()
            return
        if self._peek() == "(":
            self._take()
        while self._peek() != ")":
            if self._at >= len(self._text):
                raise self._fail(f"`case` of line {line} is never closed", line)
            if self._peek() in " \t|" or self._peek(2) == "\\\n":
                self._take(2 if self._peek() == "\\" else 1)
            elif self._peek() in "\n;&(<>":
                raise self._fail(f"a pattern of the `case` of line {line} has no `)`")
            else:
                self._word()
        self._take()

    def _parenthesis(self, words: list[str]) -> None:
        """Read a subshell, the `()` of a function, or an array in `name=(`."""
        self._take()
        rest = re.compile(r"[ \t]*\)").match(self._text, self._at)
        if len(words) == 1 and rest:
            self._take(len(rest[0]))
            words.clear()
            return
        if words:
            raise self._fail("`(` inside a command")
        self._nested()

    def _nested(self) -> None:
        """Read the commands up to the `)` that closes the block."""
        self._list(until=")")
        if self._peek() != ")":
            raise self._fail("`(` is never closed")
        self._take()

    def _arithmetic_command(self) -> None:
        """Read `((...))`, unless it is a subshell in a subshell."""
        end = self._arithmetic_end(self._at)
        if end is not None:
            self._take(end - self._at)
            return
        self._take()
        self._nested()
