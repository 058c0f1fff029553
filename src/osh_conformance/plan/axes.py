"""From the values of each axis to cells: all of them, each pair of values once, or one change at a time."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from allpairspy import AllPairs

from osh_conformance.errors import UsageError
from osh_conformance.loading.suggest import did_you_mean
from osh_conformance.model.matrix import FULL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from osh_conformance.model.matrix import ContainerRuntime, Flavor, PackagingFormat

    #: One value of each axis, by its place on it.
    Places = tuple[int, ...]
    #: From the sizes of the axes, and what is possible on them, to what is taken.
    Strategy = Callable[[Sequence[int], Callable[[Places], bool]], Iterator[Places]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Axes:
    """What may be combined; the first possible combination is the one that `single` varies from.

    A runtime of None is the node's own, whatever it is.
    """

    flavors: Sequence[Flavor]
    formats: Sequence[PackagingFormat]
    runtimes: Sequence[ContainerRuntime | None]
    majors: Sequence[int]

    @property
    def values(self) -> tuple[Sequence[object], ...]:
        """The axes, in the order of a `Combination`."""
        return (self.flavors, self.formats, self.runtimes, self.majors)


@dataclass(frozen=True, slots=True, kw_only=True)
class AxisValues:
    """One value of each axis."""

    flavor: Flavor
    form: PackagingFormat
    runtime: ContainerRuntime | None
    major: int


def combinations(
    axes: Axes, strategy: str = FULL, possible: Callable[[AxisValues], bool] = lambda _: True
) -> tuple[AxisValues, ...]:
    """The combinations that `strategy` takes, in a stable order. Raises `UsageError` for a name that is none.

    Some are not `possible`, so that somebody can say why; no possible one is left to them.
    """
    if strategy not in STRATEGIES:
        raise UsageError(f"no matrix `{strategy}`{did_you_mean(strategy, STRATEGIES)}", expected=", ".join(STRATEGIES))

    def at(places: Places) -> AxisValues:
        f, p, r, m = places
        return AxisValues(flavor=axes.flavors[f], form=axes.formats[p], runtime=axes.runtimes[r], major=axes.majors[m])

    sizes = [len(axis) for axis in axes.values]
    return tuple(at(places) for places in STRATEGIES[strategy](sizes, lambda places: possible(at(places))))


def _full(sizes: Sequence[int], _possible: object = None) -> Iterator[Places]:
    return itertools.product(*(range(size) for size in sizes))


def _pairwise(sizes: Sequence[int], possible: Callable[[Places], bool]) -> Iterator[Places]:
    candidates = [places for places in _full(sizes) if possible(places)]
    begun = {places[:length] for places in candidates for length in range(1, len(sizes) + 1)}
    found: list[Places] = []
    if candidates:
        axes = [list(range(size)) for size in sizes]
        found += map(tuple, AllPairs(axes, filter_func=lambda row: tuple(row) in begun))
    # The library gives up where what it has begun cannot be ended with anything new.
    left = set[object]().union(*map(_pairs, candidates)).difference(*map(_pairs, found))
    while left:
        found.append(max(candidates, key=lambda places: len(_pairs(places) & left)))
        left -= _pairs(found[-1])
    yield from found
    yield from (places for places in _single(sizes, possible) if not possible(places))


def _pairs(places: Places) -> set[object]:
    """Each two values, with the axes that they are of."""
    return set(itertools.combinations(enumerate(places), 2))


def _single(sizes: Sequence[int], possible: Callable[[Places], bool]) -> Iterator[Places]:
    first = next(filter(possible, _full(sizes)), (0,) * len(sizes))
    yield first
    for axis, size in enumerate(sizes):
        for value in range(size):
            if value != first[axis]:
                yield (*first[:axis], value, *first[axis + 1 :])


STRATEGIES: Mapping[str, Strategy] = {
    FULL: _full,
    "pairwise": _pairwise,
    "single": _single,
}
