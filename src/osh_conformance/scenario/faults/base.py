"""What a fault is."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from osh_conformance.scenario.state import ScenarioState

_Class = TypeVar("_Class", bound="type[Fault]")

registered: dict[str, type[Fault]] = {}


class Need(StrEnum):
    """What a fault needs beside the cell's own server; a cluster that lacks it cannot have the fault."""

    NODES = "node-exec"
    REGISTRY = "registry"


class Fault:
    """One thing that goes wrong in a running scenario.

    `lasts` is whether it has to be repaired; while one without `readable` lasts, the suite cannot ask the server, and
    while one without `reachable` does, no drop Job can. `needs` are what a cluster must allow.
    """

    name: ClassVar[str]
    lasts: ClassVar[bool] = True
    readable: ClassVar[bool] = True
    reachable: ClassVar[bool] = True
    needs: ClassVar[tuple[Need, ...]] = ()

    def __init__(self, run: ScenarioState) -> None:
        self.run = run

    def strike(self) -> None:
        """Make it go wrong. Raises `SuiteError` where that does not succeed."""
        raise NotImplementedError

    def repair(self) -> None:
        """Make it right again. Raises `SuiteError` where that does not succeed."""


def fault(name: str) -> Callable[[_Class], _Class]:
    """Register the decorated class under the name by which scenarios know it."""

    def register(found: _Class) -> _Class:
        found.name = name
        registered[name] = found
        return found

    return register
