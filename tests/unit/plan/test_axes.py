"""From the values of each axis to combinations."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osh_conformance.errors import UsageError
from osh_conformance.model.matrix import AxisValues, ContainerRuntime, Flavor, PackagingFormat
from osh_conformance.plan.axes import MATRIX_MODES, Axes, combinations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_SIZES = st.tuples(st.integers(1, 7), st.integers(1, 5), st.integers(1, 5), st.integers(1, 2))


def axes(flavors: int, formats: int, runtimes: int, helm_majors: int) -> Axes:
    return Axes(
        flavors=[Flavor(name=f"flavor{n}", summary="") for n in range(flavors)],
        packaging_formats=[PackagingFormat(name=f"format{n}", summary="", manifest="oci") for n in range(formats)],
        runtimes=[ContainerRuntime(name=f"runtime{n}", summary="", cri="c") for n in range(runtimes)],
        helm_majors=[3, 4][:helm_majors],
    )


def names(values: AxisValues) -> tuple[str, ...]:
    assert values.runtime is not None
    return (values.flavor.name, values.packaging_format.name, values.runtime.name, str(values.helm_major))


def pairs(taken: Iterable[AxisValues]) -> set[tuple[str, ...]]:
    return {pair for each in taken for pair in itertools.combinations(names(each), 2)}


def test_full_takes_every_combination_once() -> None:
    taken = [names(each) for each in combinations(axes(3, 2, 4, 2), "full")]
    assert len(taken) == len(set(taken)) == 3 * 2 * 4 * 2


def test_single_changes_one_value_at_a_time() -> None:
    first, *others = (names(each) for each in combinations(axes(3, 2, 4, 2), "single"))
    assert first == ("flavor0", "format0", "runtime0", "3")
    assert len(others) == 2 + 1 + 3 + 1
    assert all(sum(mine != base for mine, base in zip(other, first, strict=True)) == 1 for other in others)


@given(_SIZES)
@settings(max_examples=50, deadline=None)
def test_pairwise_has_each_pair_of_values(sizes: tuple[int, int, int, int]) -> None:
    every = axes(*sizes)
    taken = combinations(every, "pairwise")
    assert pairs(taken) == pairs(combinations(every, "full"))
    assert len(taken) == len(set(map(names, taken)))


def test_pairwise_takes_few() -> None:
    assert len(combinations(axes(4, 4, 4, 2), "pairwise")) <= 20


def without(runtimes: set[int], bound: tuple[int, int] | None) -> Callable[[AxisValues], bool]:
    """Return a test for what is possible without some runtimes, and with one flavor in one format only."""

    def possible(each: AxisValues) -> bool:
        flavor, packaging_format, runtime, _ = (int(name[-1]) for name in names(each))
        return runtime not in runtimes and (bound is None or flavor != bound[0] or packaging_format == bound[1])

    return possible


@given(_SIZES, st.sets(st.integers(0, 4), max_size=3), st.none() | st.tuples(st.integers(0, 6), st.integers(0, 4)))
@settings(max_examples=100, deadline=None)
def test_a_value_that_cannot_run_costs_no_pair_of_the_others(
    sizes: tuple[int, int, int, int], runtimes: set[int], bound: tuple[int, int] | None
) -> None:
    every, possible = axes(*sizes), without(runtimes, bound)
    taken = filter(possible, combinations(every, "pairwise", possible))
    assert pairs(taken) == pairs(filter(possible, combinations(every, "full")))


@pytest.mark.parametrize("matrix_mode", MATRIX_MODES)
def test_every_value_is_taken_or_left_out_with_a_reason(matrix_mode: str) -> None:
    every, possible = axes(3, 3, 4, 2), without({0, 2}, (0, 1))
    taken = {value for each in combinations(every, matrix_mode, possible) for value in names(each)}
    assert taken == {value for each in combinations(every) for value in names(each)}


def test_single_starts_from_values_that_can_run() -> None:
    possible = without({0, 1}, None)
    taken = combinations(axes(2, 2, 4, 2), "single", possible)
    assert names(taken[0]) == ("flavor0", "format0", "runtime2", "3")
    assert [names(each)[2] for each in taken if not possible(each)] == ["runtime0", "runtime1"]


@pytest.mark.parametrize("matrix_mode", MATRIX_MODES)
def test_the_order_is_stable(matrix_mode: str) -> None:
    assert combinations(axes(4, 3, 3, 2), matrix_mode) == combinations(axes(4, 3, 3, 2), matrix_mode)


@pytest.mark.parametrize("matrix_mode", MATRIX_MODES)
def test_a_matrix_in_which_nothing_can_run_has_a_reason(matrix_mode: str) -> None:
    assert combinations(axes(2, 1, 1, 1), matrix_mode, lambda _: False)


def test_an_unknown_name_is_a_usage_error_with_a_suggestion() -> None:
    with pytest.raises(UsageError, match=r"`pairwize`.*`pairwise`"):
        combinations(axes(1, 1, 1, 1), "pairwize")
