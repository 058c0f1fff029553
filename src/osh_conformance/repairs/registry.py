"""The register of repairs, found by the rule's id: `ref_1.py` repairs findings of REF-1.

A repair is a function with `@repair("<id>")`. It gets a `Problem`, and returns a `Repair` or raises `UncertainError`.
Its docstring says in `explain` and on the page of the rule what it repairs.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
import re
from typing import TYPE_CHECKING

from osh_conformance import repairs as package

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from osh_conformance.model.repair import Repair
    from osh_conformance.repairs.problem import Problem

    Proposal = Callable[[Problem], Repair]

_MODULE = re.compile(r"[a-z]+_[1-9][0-9]*")
_repairs: dict[str, Proposal] = {}


def repair(rule: str) -> Callable[[Proposal], Proposal]:
    """Register the decorated function as the repair of a rule; raises `ValueError` for a rule that has one."""

    def register(function: Proposal) -> Proposal:
        if _repairs.setdefault(rule, function) is not function:
            raise ValueError(f"{rule} has two repairs")
        return function

    return register


def repairs() -> Mapping[str, Proposal]:
    """Return the repairs by the id of their rule, sorted."""
    _load()
    return dict(sorted(_repairs.items()))


def described(rule: str) -> str:
    """Return what `check --fix` repairs of a rule, "" if it repairs nothing."""
    function = repairs().get(rule)
    return " ".join((inspect.getdoc(function) or "").split()) if function else ""


@functools.cache
def _load() -> None:
    for module in pkgutil.iter_modules(package.__path__):
        if _MODULE.fullmatch(module.name):
            importlib.import_module(f"{package.__name__}.{module.name}")
