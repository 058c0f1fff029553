"""Whether a tag pins an image, by the words in `data/vocabulary/tags.yaml`."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from osh_conformance.manifests.vocabulary import words

_CUT: Final = re.compile(r"[-_+]")
#: An underscore between numbers is a dot: `7_6_2`.
_UNDERSCORED: Final = re.compile(r"(?<![a-z0-9.])(?:v|r)?[0-9]+(?:_[0-9]+)+(?![a-z0-9.])")
_DATE: Final = re.compile(r"(?:v|r)?(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])(?:[t.]?[0-9]{2,9}z?)?")
_DATE_IN_PARTS: Final = re.compile(
    r"(?<![0-9])(?:19|20)[0-9]{2}([-._])(?:0?[1-9]|1[0-2])\1(?:0?[1-9]|[12][0-9]|3[01])(?![0-9.])"
)
_COMMIT: Final = re.compile(r"(?:g|sha|git|commit)?(?=[0-9a-f]*[a-f])[0-9a-f]{7,40}")
#: Two or more numbers, with the usual prefixes and suffixes: `v1.2`, `r3.4.5`, `1.2.3b1`, `0.9.0.dev3`.
_VERSION: Final = re.compile(
    r"(?:v|r|n|release|version|ver)?[0-9]+(?:\.[0-9]+)+(?:\.?(?:a|b|c|p|rc|alpha|beta|dev|post)\.?[0-9]*)*"
)
_NUMBER: Final = re.compile(r"[a-z]{0,2}[0-9]+")
#: A number that no version has: seconds since 1970, or the number of a build.
_BUILD: Final = re.compile(r"[a-z]{0,8}[0-9]{7,}")


class Hold(StrEnum):
    """Whether a tag always means the same image."""

    PINNED = "pinned"
    UNCLEAR = "unclear"
    FLOATS = "floats"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    """The hold of a tag, and the reason with the word or number that shows it."""

    hold: Hold
    reason: str


@functools.cache
def grade(tag: str) -> Grade:
    """Return the grade of `tag`. If one part pins it (a date, a commit), the other parts do not matter."""
    text = tag.lower()
    parts = [part for part in _CUT.split(text) if part]
    if _DATE_IN_PARTS.search(text) or any(_DATE.fullmatch(part) for part in parts):
        return Grade(hold=Hold.PINNED, reason="a date")
    if any(_COMMIT.fullmatch(part) for part in parts):
        return Grade(hold=Hold.PINNED, reason="a commit")
    if build := next((part for part in parts if _BUILD.fullmatch(part)), None):
        return Grade(hold=Hold.PINNED, reason=f"build {build}")
    dotted = _UNDERSCORED.sub(lambda found: found[0].replace("_", "."), text)
    return _by_words([part for part in _CUT.split(dotted) if part], text)


def _by_words(parts: list[str], text: str) -> Grade:
    numbers = _own_numbers(parts)
    version = next((part for part in numbers if _is_version(part)), None)
    for part in parts:
        if part in words("tags")["floating"]:
            return Grade(hold=Hold.FLOATS, reason=f"`{part}` moves to each new build")
        if part in words("tags")["floating_alone"] and version is None:
            return Grade(hold=Hold.FLOATS, reason=f"`{part}` is a channel, not a version")
    if version is not None:
        return Grade(hold=Hold.PINNED, reason=f"version {version}")
    if revision := re.search(words("tags")["revision_pattern"], text):
        return Grade(hold=Hold.PINNED, reason=f"revision {revision[0]}")
    return _by_release(parts, numbers)


def _by_release(parts: list[str], numbers: list[str]) -> Grade:
    release = next((part for part in parts if _is_release(part)), None)
    if release is not None:
        return Grade(hold=Hold.FLOATS, reason=f"`{release}` is a release series, built again and again")
    named = next((part for part in parts if part in words("tags")["release_names"]), None)
    if named is not None and any(part != named and _is_distribution(part) for part in parts):
        return Grade(hold=Hold.FLOATS, reason=f"`{named}` is a release series, built again and again")
    return Grade(hold=Hold.UNCLEAR, reason=_unclear(parts, numbers, named))


def _unclear(parts: list[str], numbers: list[str], named: str | None) -> str:
    if named is not None:
        return f"`{named}` is a release series: nothing says that it is built only once"
    number = next((part for part in numbers if _NUMBER.fullmatch(part)), None)
    if number is not None:
        return f"`{number}` is one number: such a tag usually follows the newest version"
    if any(_is_distribution(part) for part in parts):
        return "it names a distribution, no version of the program"
    return "no version, date or commit in it"


def _own_numbers(parts: list[str]) -> list[str]:
    """Return the parts that may be a version of the program, without the releases of a distribution: `alpine-3.18`."""
    releases = words("tags")["distribution_releases"]
    before = ["", *parts]
    return [
        part
        for previous, part in zip(before, parts, strict=False)
        if not _is_distribution(part) and not re.fullmatch(releases.get(previous, ""), part)
    ]


def _is_version(part: str) -> bool:
    return bool(_VERSION.fullmatch(part)) and not _is_release(part) and not _is_distribution(part)


def _is_release(part: str) -> bool:
    return bool(re.fullmatch(words("tags")["release_pattern"], part))


def _is_distribution(part: str) -> bool:
    if re.fullmatch(words("tags")["distribution_pattern"], part):
        return True
    return re.sub(r"[0-9.]+$", "", part) in words("tags")["distributions"]
