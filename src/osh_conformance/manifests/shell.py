"""A reader of shell scripts: it follows the grammar of bash, or of a POSIX shell, and lists the simple commands.

It executes nothing. A test compares its verdict with those of `bash -n` and `dash -n` on randomly damaged scripts.
"""

from __future__ import annotations

import functools
import re
from typing import Final

from osh_conformance.manifests.shell_conditions import ConditionReader
from osh_conformance.manifests.shell_text import Command, ShellError, Word
from osh_conformance.manifests.shell_words import BRANCHES, CLOSES, ENDS, NAME

__all__ = ["Command", "ShellError", "commands"]

_BASH_REDIRECT: Final = re.compile(r"(?:[0-9]+|\{[A-Za-z_]\w*\})?(?:<<<|<<-?|>>|<>|>\||[<>]&|<(?!\()|>(?!\())|&>>?")
_REDIRECT: Final = re.compile(r"[0-9]*(?:<<-?|>>|<>|>\||[<>]&|<|>)")
_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
#: The words that open a compound command.
_COMPOUND: Final = frozenset({"{", "if", "while", "until", "for", "case"})
_BASH_COMPOUND: Final = _COMPOUND | {"select", "[["}
#: Builtins of bash that take `name=(...)` as an argument.
_DECLARES: Final = frozenset({"alias", "declare", "eval", "export", "let", "local", "readonly", "typeset"})
#: Special builtins, which no function of a POSIX shell may be named after.
_SPECIAL: Final = frozenset(
    {*(".", ":", "break", "continue", "eval", "exec", "exit", "export", "readonly", "return", "set", "shift", "times")}
    | {"trap", "unset"}
)


def commands(text: str, *, bash: bool = True) -> tuple[Command, ...]:
    """List the simple commands, those of substitutions too, in the order of the text. Raises `ShellError`.

    The condition in `[[ ... ]]` is a command too, without its operators. A script that nests too deeply to be read has
    none.
    """
    return _commands(text, bash)


# The charts of a tree have the same scripts, and several rules read them.
@functools.lru_cache(maxsize=512)
def _commands(text: str, bash: bool) -> tuple[Command, ...]:  # noqa: FBT001
    try:
        return _Reader(text, bash=bash).read()
    except RecursionError:
        return ()


class _Reader(ConditionReader):
    def read(self) -> tuple[Command, ...]:
        self._list()
        if self._at < len(self._text):
            raise self._unexpected()
        if self._heredocs and self._endless is None:
            self._endless = self._fail("the here-document has no text", self._heredocs[0].line)
        if self._endless:
            raise self._endless
        return tuple(self._found)

    def _list(self) -> int:
        """Read commands up to a keyword or character that begins none; return how many."""
        count = 0
        while True:
            self._newlines()
            if self._at >= len(self._text) or self._peek() in ";&|)" or self._ahead(CLOSES):
                break
            self._and_or()
            count += 1
            self._blanks()
            if self._peek() == "\n":
                continue
            ends = self._peek(2) not in (";;", ";&" if self._bash else "", "&&") and self._peek() in tuple(";&")
            if not ends:
                break
            self._take()
        return count

    def _block(self, opening: str, line: int) -> None:
        """Read the commands inside of a compound command: at least one."""
        if not self._list():
            if self._at >= len(self._text):
                raise self._fail(f"`{opening}` of line {line} is never closed", line)
            raise self._unexpected(f"`{opening}` of line {line}, which has no command there")

    def _and_or(self) -> None:
        self._pipeline()
        self._blanks()
        while self._peek(2) in ("&&", "||"):
            sign = self._take(2)
            self._newlines()
            if self._at >= len(self._text):
                raise self._fail(f"nothing follows `{sign}`")
            self._pipeline()
            self._blanks()

    def _pipeline(self) -> None:
        while keyword := self._keyword(("!", "time") if self._bash else ("!",)):
            self._blanks()
            if keyword == "time" and self._keyword(("-p",)):
                self._blanks()
            if self._bash and (self._at >= len(self._text) or self._peek() in "\n;"):
                return
        self._command()
        self._blanks()
        while self._peek() == "|" and self._peek(2) != "||":
            self._take(2 if self._bash and self._peek(2) == "|&" else 1)
            self._newlines()
            if self._at >= len(self._text):
                raise self._fail("nothing follows `|`")
            while self._keyword(("!", "time") if self._bash else ("!",)):
                self._blanks()
            self._command()
            self._blanks()

    def _command(self) -> None:
        """Read a command: a compound one, a function, or a simple one."""
        line = self._line
        if self._peek() == "(":
            self._subshell()
        elif opening := self._ahead(self._compound):
            self._keyword((opening,))
            self._read_compound(opening, line)
        elif self._bash and self._keyword(("function",)):
            self._function(line)
            return
        elif self._bash and self._keyword(("coproc",)):
            self._coproc()
            return
        else:
            self._simple()
            return
        self._redirects()

    def _redirects(self) -> bool:
        found = False
        self._blanks()
        pattern = _BASH_REDIRECT if self._bash else _REDIRECT
        while match := pattern.match(self._text, self._at):
            found = True
            self._redirect(match[0])
            self._blanks()
        return found

    def _simple(self) -> None:
        """Read assignments, words and redirections up to the end of the command, or a function."""
        words: list[Word] = []
        assignments: list[str] = []
        redirects = self._redirects()
        if not redirects and (self._ahead(CLOSES) or (self._bash and self._ahead(("]]",)))):
            raise self._unexpected()
        while self._at < len(self._text) and self._peek() not in ENDS:
            word = self._word(array=not words or words[0].text in _DECLARES)
            if not word.raw:
                raise self._unexpected()
            if words or not NAME.match(word.raw):
                words.append(word)
            else:
                assignments.append(word.text)
            redirects |= self._redirects()
        if not words and not assignments and not redirects:
            raise self._unexpected()
        if self._peek() == "(":
            if len(words) != 1 or assignments or redirects:
                raise self._fail("`(` inside a command")
            self._parameters(words[0])
        elif words or assignments:
            line = words[0].line if words else self._line
            texts = tuple(word.text for word in words)
            self._found.append(Command(words=texts, line=line, assignments=tuple(assignments)))

    def _parameters(self, name: Word) -> None:
        """Read the `()` of a function and its body."""
        self._take()
        self._blanks()
        if self._peek() != ")":
            raise self._fail("`(` inside a command")
        self._take()
        if not self._bash and not (name.bare and _IDENTIFIER.fullmatch(name.text) and name.text not in _SPECIAL):
            raise self._fail(f"`{name.text}` is no name of a function", name.line)
        self._body_of_function(name.text)

    def _body_of_function(self, name: str) -> None:
        self._newlines()
        if self._at >= len(self._text):
            raise self._fail(f"the function `{name}` has no body")
        compound = self._peek() == "(" or self._ahead(self._compound)
        if self._bash and not compound:
            raise self._unexpected(f"the function `{name}`, which has no body")
        self._command()
        self._found.append(Command(words=(), line=self._line, function=name))

    def _function(self, line: int) -> None:
        self._blanks()
        name = self._word()
        if not name.raw:
            raise self._fail("`function` has no name", line)
        self._blanks()
        if self._peek() == "(":
            at, before = self._at, self._line
            self._take()
            self._blanks()
            if self._peek() == ")":
                self._take()
            else:
                self._at, self._line = at, before
        self._body_of_function(name.text)

    def _coproc(self) -> None:
        self._blanks()
        if not self._ahead(self._compound) and self._peek() != "(":
            at, line = self._at, self._line
            self._word()
            self._blanks()
            if not self._ahead(self._compound) and self._peek() != "(":
                self._at, self._line = at, line
        self._command()

    def _subshell(self) -> None:
        if self._bash and self._peek(2) == "((" and self._arithmetic(2):
            return
        self._take()
        self._nested(empty=False)

    def _nested(self, *, empty: bool = True) -> None:
        """Read the commands up to the `)` that closes the block."""
        line = self._line
        self._depth += 1
        count = self._list()
        self._depth -= 1
        if self._at >= len(self._text):
            raise self._fail("`(` is never closed", line)
        if self._peek() != ")":
            raise self._unexpected(f"`(` of line {line}")
        if not count and not empty:
            raise self._fail("`( )` has no command")
        self._take()

    def _group(self, line: int) -> None:
        self._block("{", line)
        self._expect(("}",), "{", line)

    def _if(self, line: int) -> None:
        self._block("if", line)
        self._expect(("then",), "if", line)
        self._block("if", line)
        while (keyword := self._expect(("elif", "else", "fi"), "if", line)) == "elif":
            self._block("if", line)
            self._expect(("then",), "if", line)
            self._block("if", line)
        if keyword == "else":
            self._block("if", line)
            self._expect(("fi",), "if", line)

    def _do(self, opening: str, line: int) -> None:
        self._expect(("do",), opening, line)
        self._block(opening, line)
        self._expect(("done",), opening, line)

    def _for(self, line: int) -> None:
        self._blanks()
        if self._bash and self._peek(2) == "((":
            if not self._arithmetic(2):
                raise self._fail("`((` is never closed", line)
        else:
            name = self._word()
            if not name.raw or not (self._bash or _IDENTIFIER.fullmatch(name.raw)):
                raise self._fail("`for` needs the name of a variable", line)
            self._newlines()
            if self._keyword(("in",)):
                self._items()
        self._blanks()
        if self._peek() == ";" and self._peek(2) != ";;":
            self._take()
        self._newlines()
        if self._bash and self._keyword(("{",)):
            self._group(line)
            return
        self._do("for", line)

    def _items(self) -> None:
        """Read the words of a `for` up to the end of the line, or to `;`."""
        self._blanks()
        while self._at < len(self._text) and self._peek() not in "\n;":
            if not self._word().raw:
                raise self._unexpected("the words of `for`")
            self._blanks()

    def _case(self, line: int) -> None:
        self._blanks()
        if not self._word().raw:
            raise self._unexpected(f"`case` of line {line}")
        self._newlines()
        self._expect(("in",), "case", line)
        while True:
            self._newlines()
            if self._keyword(("esac",)):
                return
            self._pattern(line)
            self._list()
            branch = next((end for end in self._branches if self._peek(len(end)) == end), "")
            if not branch:
                self._expect(("esac",), "case", line)
                return
            self._take(len(branch))

    @property
    def _branches(self) -> tuple[str, ...]:
        return BRANCHES if self._bash else (";;",)

    def _pattern(self, line: int) -> None:
        """Read `PATTERN)`, whose parenthesis closes nothing."""
        if self._peek() == "(":
            self._take()
        while True:
            self._blanks()
            if self._at >= len(self._text):
                raise self._fail(f"`case` of line {line} is never closed", line)
            if not self._word().raw:
                raise self._unexpected(f"`case` of line {line}, before the `)` of a pattern")
            self._blanks()
            if self._peek() == ")":
                self._take()
                return
            if self._peek() != "|":
                if self._at >= len(self._text):
                    raise self._fail(f"`case` of line {line} is never closed", line)
                raise self._fail(f"a pattern of the `case` of line {line} has no `)`")
            self._take()

    @property
    def _compound(self) -> frozenset[str]:
        return _BASH_COMPOUND if self._bash else _COMPOUND

    def _read_compound(self, opening: str, line: int) -> None:
        match opening:
            case "{":
                self._group(line)
            case "if":
                self._if(line)
            case "while" | "until":
                self._block(opening, line)
                self._do(opening, line)
            case "for" | "select":
                self._for(line)
            case "case":
                self._case(line)
            case _:
                self._condition(line)
