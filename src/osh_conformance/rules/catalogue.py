"""The register of rules.

A module of this package puts a rule here with a decorator: `@judges(RULE)` on a function from a `RenderedChart` to a
`Verdict` makes it static, `@observes(RULE)` on one from an `Observation` makes it live, and `@compares(RULE)` on one
from an `Observation` and those of all cells beside it makes it one of the matrix. A rule may have several sides.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from typing import TYPE_CHECKING, Any, TypeVar

from osh_conformance import rules as package

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from osh_conformance.model.chart import RenderedChart
    from osh_conformance.model.finding import Rule, Verdict
    from osh_conformance.model.observation import Observation

    Static = Callable[[RenderedChart], Verdict]
    Live = Callable[[Observation], Verdict]
    Matrix = Callable[[Observation, Sequence[Observation]], Verdict]

_Function = TypeVar("_Function", bound="Callable[..., Verdict]")

_rules: dict[str, Rule] = {}
_static: dict[str, Static] = {}
_live: dict[str, Live] = {}
_matrix: dict[str, Matrix] = {}


def judges(rule: Rule) -> Callable[[_Function], _Function]:
    """Register the decorated function as the static side of `rule`."""
    return functools.partial(_register, rule, _static)


def observes(rule: Rule) -> Callable[[_Function], _Function]:
    """Register the decorated function as the live side of `rule`."""
    return functools.partial(_register, rule, _live)


def compares(rule: Rule) -> Callable[[_Function], _Function]:
    """Register the decorated function as the side of `rule` that compares cells."""
    return functools.partial(_register, rule, _matrix)


def all_rules() -> Mapping[str, Rule]:
    """Return every rule by id, sorted."""
    _load()
    return dict(sorted(_rules.items()))


def static_rules() -> Mapping[str, Static]:
    """Return the functions that judge a rendered chart, by id, sorted."""
    _load()
    return dict(sorted(_static.items()))


def live_rules() -> Mapping[str, Live]:
    """Return the functions that judge an observation, by id, sorted."""
    _load()
    return dict(sorted(_live.items()))


def matrix_rules() -> Mapping[str, Matrix]:
    """Return the functions that judge an observation beside those of other cells, by id, sorted."""
    _load()
    return dict(sorted(_matrix.items()))


def _register(rule: Rule, side: dict[str, Any], function: _Function) -> _Function:
    if rule.id in side or _rules.get(rule.id, rule) != rule:
        raise ValueError(f"two rules are called {rule.id}")
    _rules[rule.id] = rule
    side[rule.id] = function
    return function


@functools.cache
def _load() -> None:
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
