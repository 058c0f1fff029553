"""The releases that image references name, and the keys of a values override that mix them."""

from __future__ import annotations

import functools
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from osh_conformance.manifests.vocabulary import words
from osh_conformance.reference import InvalidReferenceError, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

_CUT: Final = re.compile(r"[-_+]")
_BUMPED: Final = "bumped"
_VERSION: Final = re.compile(r"v?([0-9]+(?:\.[0-9]+)+\w*)")
#: So many other keys have to agree before a key of another repository is the odd one.
_AGREEING: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """Keys of one program that get different releases.

    - odd: the keys whose release fewer keys have; all keys, if none is rarer.
    - others: the other ones.
    """

    odd: tuple[str, ...]
    others: tuple[str, ...]


def mixes(shipped: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Mix]:
    """Yield the mixes of releases among the `new` references of keys, by the references that the chart ships.

    Keys that ship with one reference belong together. So do keys of one namespace that ship with one tag, if two others
    or more agree: openstack/heat:2025.1 and openstack/client:2025.1. A tag without a release (`latest`) is no evidence,
    nor is another word behind it: `2025.1-noble` and `2025.1-noble-custom` are one release.
    """
    changed = {key: reference for key, reference in new.items() if reference != shipped.get(key)}
    by_release = {key: found for key, reference in changed.items() if (found := release_of(reference))}
    known: set[str] = set()
    for keys in _together(by_release, shipped, str):
        if mix := _odd(keys, by_release):
            known |= {*mix.odd, *mix.others}
            yield mix
    for keys in _together(by_release, shipped, _series):
        if (mix := _odd(keys, by_release)) and len(mix.odd) == 1 and len(mix.others) >= _AGREEING:
            agreed = len({by_release[key] for key in mix.others}) == 1
            if agreed and known.isdisjoint((*mix.odd, *mix.others)):
                yield mix


def bump(reference: str) -> str:
    """Return another reference of the same repository and release, as the next build of an image has it."""
    name = reference.partition("@")[0]
    return f"{name}-{_BUMPED}" if ":" in name.rpartition("/")[2] else f"{name}:{_BUMPED}"


def release_of(reference: str) -> str:
    """Return the release that a reference names: a version, or a release of OpenStack by number or name; or ""."""
    try:
        tag = parse(reference).tag or ""
    except InvalidReferenceError:
        return ""
    return _release_in(tag)


@functools.cache
def _release_in(tag: str) -> str:
    parts = [part for part in _CUT.split(tag.lower()) if part]
    vocabulary = words("tags")
    for part in parts:
        if re.fullmatch(vocabulary["release_pattern"], part) or part in vocabulary["release_names"]:
            return part
    return next((found[1] for part in parts if (found := _VERSION.fullmatch(part))), "")


def _together(keys: Iterable[str], shipped: Mapping[str, str], by: Callable[[str], str]) -> Iterator[list[str]]:
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for key in keys:
        if name := by(shipped[key]):
            groups[name].append(key)
    yield from (group for group in groups.values() if len(group) > 1)


def _series(reference: str) -> str:
    """Return namespace and tag of a reference with a release, "" without one."""
    if not release_of(reference):
        return ""
    found = parse(reference)
    namespace = found.name.rpartition("/")[0]
    return f"{namespace}:{found.tag}" if "/" in namespace else ""


def _odd(keys: list[str], releases: Mapping[str, str]) -> Mix | None:
    counts = Counter(releases[key] for key in keys)
    if len(counts) < 2:  # noqa: PLR2004  (two releases are a mix)
        return None
    (first, most), (_, second) = counts.most_common(2)
    usual = first if most > second else None
    odd = tuple(key for key in keys if releases[key] != usual)
    return Mix(odd=odd, others=tuple(key for key in keys if releases[key] == usual))
