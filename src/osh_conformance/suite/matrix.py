"""From the values of each axis to cells: all of them, each pair of values once, or one change at a time."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from allpairspy import AllPairs

from osh_conformance.errors import UsageError
from osh_conformance.suite.names import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from osh_conformance.model.matrix import ContainerRuntime, Flavor, PackagingFormat

FULL = "full"


@dataclass(frozen=True, slots=True, kw_only=True)
class Axes:
    """What may be combined; the first value of each axis is the one that `single` varies from.

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
class Combination:
    """One value of each axis."""

    flavor: Flavor
    form: PackagingFormat
    runtime: ContainerRuntime | None
    major: int


def combinations(axes: Axes, strategy: str = FULL) -> tuple[Combination, ...]:
    """The combinations that `strategy` takes, in a stable order. Raises `UsageError` for a name that is none."""
    if strategy not in STRATEGIES:
        raise UsageError(f"no matrix `{strategy}`{did_you_mean(strategy, STRATEGIES)}", expected=", ".join(STRATEGIES))
    places = STRATEGIES[strategy]([len(axis) for axis in axes.values])
    return tuple(
        Combination(flavor=axes.flavors[f], form=axes.formats[p], runtime=axes.runtimes[r], major=axes.majors[m])
        for f, p, r, m in places
    )


def _full(sizes: Sequence[int]) -> Iterator[Sequence[int]]:
    return itertools.product(*(range(size) for size in sizes))


def _pairwise(sizes: Sequence[int]) -> Iterator[Sequence[int]]:
    return iter(AllPairs([list(range(size)) for size in sizes]))


def _single(sizes: Sequence[int]) -> Iterator[Sequence[int]]:
    first = [0] * len(sizes)
    yield first
    for axis, size in enumerate(sizes):
        for value in range(1, size):
            yield [*first[:axis], value, *first[axis + 1 :]]


#: From the sizes of the axes to the places of values on them.
STRATEGIES: Mapping[str, Callable[[Sequence[int]], Iterator[Sequence[int]]]] = {
    FULL: _full,
    "pairwise": _pairwise,
    "single": _single,
}
