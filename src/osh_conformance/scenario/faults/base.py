"""The base class of faults, and their register."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from osh_conformance.scenario.state import ScenarioState

_Class = TypeVar("_Class", bound="type[Fault]")

registered: dict[str, type[Fault]] = {}


class Fault:
    """A fault in a running scenario. Its entry of `model.scenario.FAULTS` says whether it lasts, and what it needs."""

    id: ClassVar[str]

    def __init__(self, state: ScenarioState) -> None:
        self.state = state

    def inject(self) -> None:
        """Make it happen. Raises `SuiteError` where that does not succeed."""
        raise NotImplementedError

    def repair(self) -> None:
        """End it. Raises `SuiteError` where that does not succeed. Faults that do not last have none."""


def fault(fault_id: str) -> Callable[[_Class], _Class]:
    """Register the decorated class under the id by which scenarios name it."""

    def register(found: _Class) -> _Class:
        if fault_id in registered:
            raise ValueError(f"two faults have the id {fault_id}")
        found.id = fault_id
        registered[fault_id] = found
        return found

    return register
