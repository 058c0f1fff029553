"""A light reader of shell scripts: the simple commands in them, and whether what is opened is closed.

It executes nothing. It knows what POSIX sh and bash share, and takes the rest for words: better to miss a
mistake than to see one that is none. A test holds it to `bash -n` on scripts that were damaged at random.
"""

from __future__ import annotations

import contextlib
import functools
import re
from dataclasses import dataclass
from typing import Final

_BLANK: Final = " \t"
_ENDS: Final = "\n;&|()"
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\[[^\]]*\])?\+?=")
#: What means nothing but itself, in a word.
_PLAIN: Final = re.compile(r"[A-Za-z0-9_./:,%-]+")
_QUOTABLE: Final = re.compile(r"[^\"\\`$\n]+")
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
#: After these a command follows, as at the start of a line.
_GO_ON: Final = frozenset({"then", "do", "else", "elif", "!", "time", "if", "while", "until", "{"})


class ShellError(ValueError):
    """The script ends inside something, or closes what was never opened; `line` counts from 1."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A simple command: its words without quotes, expansions as they are written. `line` counts from 1."""

    words: tuple[str, ...]
    line: int

    @property
    def name(self) -> str:
        """The first word."""
        return self.words[0]


@functools.lru_cache(maxsize=256)
def commands(text: str) -> tuple[Command, ...]:
    """List the simple commands, those of substitutions too. Raises `ShellError`."""
    return _Reader(text).read()


class _Reader:
    def __init__(self, text: str, line: int = 1) -> None:
        self._text = text
        self._at = 0
        self._line = line
        self._found: list[Command] = []
        self._heredocs: list[tuple[str, bool]] = []

    def read(self) -> tuple[Command, ...]:
        self._list(until=None)
        return tuple(self._found)

    # -- characters ---------------------------------------------------------------------------------------------

    def _peek(self, length: int = 1) -> str:
        return self._text[self._at : self._at + length]

    def _take(self, length: int = 1) -> str:
        taken = self._peek(length)
        self._at += length
        self._line += taken.count("\n")
        return taken

    def _fail(self, message: str, line: int | None = None) -> ShellError:
        return ShellError(message, self._line if line is None else line)

    # -- commands -----------------------------------------------------------------------------------------------

    def _list(self, until: str | None) -> None:  # noqa: C901, PLR0912  (a branch for each kind of character)
        """Read commands up to an unmatched `)` if that is asked for, else to the end."""
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
            if character in _BLANK or self._peek(2) == "\\\n":
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
            elif character in _ENDS:
                finish()
                self._end_of_command(blocks)
            else:
                line = self._line
                bare, word = self._word()
                if not words:
                    first = line
                    if bare and self._keyword(word, line, blocks):
                        continue
                if not (not words and _NAME.match(word)):
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
        """Follow a keyword where a command may begin; say whether it was one."""
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
            if self._peek() in _BLANK or self._peek(2) == "\\\n":
                self._take(2 if self._peek() == "\\" else 1)
            elif self._peek() in _ENDS:
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
        """`case WORD in`, and the first pattern."""
        self._blanks()
        self._word()
        self._blanks(newlines=True)
        if self._word()[1] != "in":
            raise self._fail("`case` without `in`", blocks[-1][1])
        self._pattern(blocks)

    def _pattern(self, blocks: list[tuple[str, int]]) -> None:
        """`PATTERN)`, whose parenthesis closes nothing, or the `esac` in its place."""
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
        """A subshell, or the `()` of a function, or an array in `name=(`."""
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
        """Read up to the `)` that closes what was just opened."""
        self._list(until=")")
        if self._peek() != ")":
            raise self._fail("`(` is never closed")
        self._take()

    def _arithmetic_command(self) -> None:
        """`((...))`, unless it is a subshell in a subshell."""
        end = self._arithmetic_end(self._at)
        if end is not None:
            self._take(end - self._at)
            return
        self._take()
        self._nested()

    # -- words --------------------------------------------------------------------------------------------------

    def _blanks(self, *, newlines: bool = False) -> None:
        while self._at < len(self._text):
            if self._peek() in _BLANK or (newlines and self._peek() == "\n"):
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
        """Read a word: whether it is bare (nothing quoted, nothing expanded), and its text without quotes."""
        bare = True
        parts: list[str] = []
        while self._at < len(self._text):
            character = self._peek()
            if character == "(" and parts and "".join(parts).endswith("=") and _NAME.match("".join(parts)):
                self._take()
                self._array()
            elif character == "(" and parts and parts[-1] in ("?", "*", "+", "@", "!"):
                # bash's extglob, or no bash at all: not told apart here
                self._take()
                self._nested_word()
            elif character in _BLANK or character in _ENDS or character in "<>":
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
            elif character in _ENDS or character in "<>":
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
                # Shells read what is in them when they run it; a mistake there is none of the script's grammar.
                with contextlib.suppress(ShellError):
                    self._found += _Reader(inner, line).read() if "\\" not in inner else ()
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
        """Where the `((...))` that begins at `at` ends; None if it is a subshell in parentheses after all."""
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

    # -- redirections -------------------------------------------------------------------------------------------

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
            # With any quote in it nothing is expanded in the body; the body is data either way.
            written = self._text[start : self._at]
            end = re.sub(r"[\\'\"]", "", written) if written != word else word
            self._heredocs.append((end, sign.endswith("-")))

    def _bodies(self) -> None:
        """Skip the bodies of the here-documents that the line just ended has begun."""
        for end, tabs in self._heredocs:
            while self._at < len(self._text):
                stop = self._text.find("\n", self._at)
                body = self._take((stop if stop >= 0 else len(self._text)) + 1 - self._at).removesuffix("\n")
                if (body.lstrip("\t") if tabs else body) == end:
                    break
        self._heredocs.clear()
