"""Replacing secrets in text: in every spelling, and without eating words that only contain one."""

from __future__ import annotations

import base64
import json
import re
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterator

REDACTED = "***"
_SHORTEST_SECRET = 3
#: A word as a person writes it: `service`, `heat-trust`, `Secret12`. Such a password stands in other words too.
_WORD = re.compile(r"[A-Z]?[a-z]+(?:[-_][a-z]+)*\d{0,2}")
_LONGEST_WORD = 24
#: What may precede a word that stands for itself: not a part of a longer word, of a host name or of a file name. The
#: end of an escape (`\n`, `%3A`) is no part of it, nor is mysql's option `-p`.
_BEGINS = r"(?:(?<![\w-])(?<!\w\.)|(?<=\\[nrtfbv])|(?<=%[0-9A-Fa-f]{2})|(?<=[\s\"'\[]-p))"
_ENDS = r"(?![\w-]|\.\w)"
#: Bits. Four characters of base64 stand for three bytes.
_BYTE, _CHARACTER = 8, 6
_GROUP = 3
#: Shorter parts of a base64 text may be there by chance.
_SHORTEST_PART = 6


@dataclass(slots=True)
class Redactor:
    """Replaces secrets in text, as they are and in other spellings.

    A secret that looks like a word is replaced only where it is a whole word, any other wherever it stands. Secrets of
    one or two characters are ignored: they would garble every text.
    """

    secrets: tuple[str, ...] = ()
    _texts: tuple[str, ...] = field(init=False)
    _words: tuple[str, ...] = field(init=False)
    _whole: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        spelled = {text for secret in self.secrets if len(secret) >= _SHORTEST_SECRET for text in _spellings(secret)}
        longest_first = sorted(spelled, key=len, reverse=True)
        self._texts = tuple(text for text in longest_first if not is_word(text))
        self._words = tuple(text for text in longest_first if is_word(text))
        self._whole = re.compile(f"{_BEGINS}(?:{'|'.join(map(re.escape, self._words))}){_ENDS}")

    def __call__(self, text: str) -> str:
        """Return `text` with each secret replaced by three asterisks."""
        for secret in self._texts:
            text = text.replace(secret, REDACTED)
        # Finding the places where a word may begin takes long.
        return self._whole.sub(REDACTED, text) if any(word in text for word in self._words) else text


def is_word(text: str) -> bool:
    """Whether a secret looks like a word of a language, so that it may be a part of other words."""
    return len(text) <= _LONGEST_WORD and _WORD.fullmatch(text) is not None


def _spellings(secret: str) -> Iterator[str]:
    """Yield a secret as it is, and as spelled in a URL, in JSON, YAML, Python, SQL, ini files, a shell and base64."""
    yield from _escaped(secret)
    for safe in ("/", ""):
        yield from (quote(secret, safe=safe), re.sub("%..", lambda found: found[0].lower(), quote(secret, safe=safe)))
    yield quote_plus(secret)
    yield base64.b64encode(secret.encode()).decode()
    if not is_word(secret):
        yield from _inside_base64(secret.encode())


def _escaped(secret: str) -> Iterator[str]:
    in_json = json.dumps(secret)[1:-1]
    yield from (secret, in_json, json.dumps(secret, ensure_ascii=False)[1:-1], json.dumps(in_json)[1:-1])
    yield from (repr(secret)[1:-1], shlex.quote(secret).strip("'"))
    yield from (secret.replace("'", "''"), secret.replace("'", "\\'"), secret.replace("%", "%%"))


def _inside_base64(secret: bytes) -> Iterator[str]:
    """Yield what a secret looks like inside the base64 text of something longer, such as `user:password`."""
    for before in range(_GROUP):
        encoded = base64.b64encode(b"\0" * before + secret).decode().rstrip("=")
        # The bits of a neighbour are in the first character or two, and in the last.
        part = encoded[before + bool(before) : (before + len(secret)) * _BYTE // _CHARACTER]
        if len(part) >= _SHORTEST_PART:
            yield part
