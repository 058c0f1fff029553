"""Combines the values of the axes into cells: all of them, each pair of values once, or one change at a time."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from allpairspy import AllPairs

from osh_conformance.errors import UsageError
from osh_conformance.loading.suggest import did_you_mean
from osh_conformance.model.matrix import FULL, AxisValues

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from osh_conformance.model.matrix import ContainerRuntime, Flavor, PackagingFormat

    #: The position of one value on each axis.
    Positions = tuple[int, ...]
    #: Gets the sizes of the axes and a test for what is possible; yields the positions to run.
    MatrixMode = Callable[[Sequence[int], Callable[[Positions], bool]], Iterator[Positions]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Axes:
    """All values that a run combines. The mode `single` starts from the first possible combination.

    The runtime None is the default of the nodes.
    """

    flavors: Sequence[Flavor]
    packaging_formats: Sequence[PackagingFormat]
    runtimes: Sequence[ContainerRuntime | None]
    helm_majors: Sequence[int]

    @property
    def sizes(self) -> tuple[int, ...]:
        """The number of values on each axis, in the order of `at`."""
        return tuple(map(len, (self.flavors, self.packaging_formats, self.runtimes, self.helm_majors)))

    def at(self, positions: Positions) -> AxisValues:
        """Return the values at these positions."""
        flavor, packaging_format, runtime, helm_major = positions
        return AxisValues(
            flavor=self.flavors[flavor],
            packaging_format=self.packaging_formats[packaging_format],
            runtime=self.runtimes[runtime],
            helm_major=self.helm_majors[helm_major],
        )


def combinations(
    axes: Axes, matrix_mode: str = FULL, possible: Callable[[AxisValues], bool] = lambda _: True
) -> tuple[AxisValues, ...]:
    """Return the combinations of a matrix mode, in a stable order. Raises `UsageError` for an unknown mode.

    The result contains combinations that are not `possible`, so that a caller can report why they are left out. They
    never replace a possible one.
    """
    if matrix_mode not in MATRIX_MODES:
        raise UsageError(
            f"no matrix `{matrix_mode}`{did_you_mean(matrix_mode, MATRIX_MODES)}", expected=", ".join(MATRIX_MODES)
        )
    taken = MATRIX_MODES[matrix_mode](axes.sizes, lambda positions: possible(axes.at(positions)))
    return tuple(map(axes.at, taken))


def _full(sizes: Sequence[int], _possible: object = None) -> Iterator[Positions]:
    return itertools.product(*(range(size) for size in sizes))


def _pairwise(sizes: Sequence[int], possible: Callable[[Positions], bool]) -> Iterator[Positions]:
    candidates = [positions for positions in _full(sizes) if possible(positions)]
    prefixes = {positions[:length] for positions in candidates for length in range(1, len(sizes) + 1)}
    taken: list[Positions] = []
    if candidates:
        values = [list(range(size)) for size in sizes]
        taken += map(tuple, AllPairs(values, filter_func=lambda row: tuple(row) in prefixes))
    # The library gives up on a combination that it has begun and cannot complete with a new pair.
    missing = set[object]().union(*map(_pairs, candidates)).difference(*map(_pairs, taken))
    while missing:
        taken.append(max(candidates, key=lambda positions: len(_pairs(positions) & missing)))
        missing -= _pairs(taken[-1])
    yield from taken
    yield from (positions for positions in _single(sizes, possible) if not possible(positions))


def _pairs(positions: Positions) -> set[object]:
    """Return each pair of values, with their axes."""
    return set(itertools.combinations(enumerate(positions), 2))


def _single(sizes: Sequence[int], possible: Callable[[Positions], bool]) -> Iterator[Positions]:
    first = next(filter(possible, _full(sizes)), (0,) * len(sizes))
    yield first
    for axis, size in enumerate(sizes):
        for value in range(size):
            if value != first[axis]:
                yield (*first[:axis], value, *first[axis + 1 :])


MATRIX_MODES: Mapping[str, MatrixMode] = {
    FULL: _full,
    "pairwise": _pairwise,
    "single": _single,
}
