"""Versions and ranges of versions, as Helm reads them in Chart.yaml (the rules of Masterminds/semver)."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

_VERSION = re.compile(
    r"v?(?P<major>\d+)(?:\.(?P<minor>\d+))?(?:\.(?P<patch>\d+))?"
    r"(?:-(?P<before>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?"
)
_PART = r"(?:[0-9]+|[xX*])"
_BOUND = re.compile(
    rf"\s*(?P<operator>=|!=|>=|=>|<=|=<|>|<|~>|~|\^)?\s*"
    rf"v?(?P<major>{_PART})(?:\.(?P<minor>{_PART}))?(?:\.(?P<patch>{_PART}))?"
    r"(?:-(?P<before>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?\s*,?"
)
#: `1.2 - 3` means `>=1.2 <=3`.
_HYPHEN = re.compile(r"\s*(v?[0-9xX*][^\s,]*)\s+-\s+(v?[0-9xX*][^\s,]*)\s*")
_ANY = frozenset({"x", "X", "*", None})
_OTHER_NAMES = {None: "=", "=>": ">=", "=<": "<=", "~>": "~"}


@functools.total_ordering
@dataclass(frozen=True, slots=True)
class Version:
    """A version; parts that are missing are 0. `before` are the words of a pre-release, empty for a release."""

    major: int
    minor: int
    patch: int
    before: tuple[str, ...] = ()

    @property
    def numbers(self) -> tuple[int, int, int]:
        """The three numbers."""
        return self.major, self.minor, self.patch

    def __lt__(self, other: Version) -> bool:
        return self._order() < other._order()

    def _order(self) -> tuple[object, ...]:
        words = tuple((0, int(word), "") if word.isdigit() else (1, 0, word) for word in self.before)
        return (*self.numbers, not self.before, words)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bound:
    """One comparison. `parts` are the numbers that it gives, none, one, two or three of them."""

    operator: str
    version: Version
    parts: int

    def holds(self, version: Version) -> bool:  # noqa: PLR0911  (one for each operator)
        bound = self.version
        match self.operator:
            case "=":
                return self._tilde(version) if self.parts < len(bound.numbers) else version == bound
            case "!=":
                return version.numbers[: self.parts] != bound.numbers[: self.parts] or version.before != bound.before
            case ">":
                if self.parts == len(bound.numbers):
                    return version > bound
                return version.numbers[: self.parts] > bound.numbers[: self.parts]
            case "<":
                return version < bound
            case ">=":
                return version >= bound
            case "<=":
                if self.parts == len(bound.numbers):
                    return version <= bound
                return version.numbers[: self.parts] <= bound.numbers[: self.parts]
            case "~":
                return self._tilde(version)
        return self._caret(version)

    def _tilde(self, version: Version) -> bool:
        """Whether the major and the minor are the same, as far as they are given."""
        given = min(self.parts, 2)
        anything = self.version.numbers == (0, 0, 0) and self.parts in {0, 3}
        return version >= self.version and (anything or version.numbers[:given] == self.version.numbers[:given])

    def _caret(self, version: Version) -> bool:
        """Whether the first number that is not 0 is the same."""
        same = next((place for place, number in enumerate(self.version.numbers) if number), len(version.numbers) - 1)
        given = min(same + 1, max(self.parts, 1))
        return version >= self.version and (self.parts == 0 or version.numbers[:given] == self.version.numbers[:given])


def parsed(text: str) -> Version | None:
    """Return the version, None for a text that is none."""
    found = _VERSION.fullmatch(text.strip())
    if found is None:
        return None
    before = tuple(found["before"].split(".")) if found["before"] else ()
    return Version(int(found["major"]), int(found["minor"] or 0), int(found["patch"] or 0), before)


def fits(text: str, wanted: str) -> bool:
    """Whether the version `text` is in the range `wanted`; False where either cannot be read."""
    version = parsed(text)
    return version is not None and any(_all_hold(version, part) for part in wanted.split("||"))


def _all_hold(version: Version, wanted: str) -> bool:
    bounds = _bounds(wanted)
    if bounds is None:
        return False
    # A range that names no pre-release means none.
    if version.before and not any(bound.version.before for bound in bounds):
        return False
    return all(bound.holds(version) for bound in bounds)


def _bounds(wanted: str) -> list[_Bound] | None:
    """Return the comparisons of a range, all of which must hold; None for a text that is no range."""
    rest = _HYPHEN.sub(lambda found: f" >={found[1]} <={found[2]} ", wanted).strip() or "*"
    bounds = []
    while rest:
        found = _BOUND.match(rest)
        if found is None:
            return None
        bounds.append(_bound(found))
        rest = rest[found.end() :]
    return bounds


def _bound(found: re.Match[str]) -> _Bound:
    names = ("major", "minor", "patch")
    parts = next((number for number, name in enumerate(names) if found[name] in _ANY), len(names))
    major, minor, patch = (int(found[name]) if number < parts else 0 for number, name in enumerate(names))
    before = tuple(found["before"].split(".")) if found["before"] else ()
    operator = found["operator"]
    version = Version(major, minor, patch, before)
    return _Bound(operator=_OTHER_NAMES.get(operator, operator), version=version, parts=parts)
