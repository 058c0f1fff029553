"""The register of rules.

A rule is a file of this package, found by its id: `ref_1.py` holds REF-1. It has one constant `RULE` and up to three
functions. `@static_rule(RULE) def check` takes a `RenderedChart`, `@live_rule(RULE) def check_live` an `Observation`,
and `@matrix_rule(RULE) def compare` an `Observation` and those of the cells beside it. Each returns a `Verdict`.

Other distributions add rules by the entry-point group `osh_conformance.rules`: each entry point names a module that
registers its rules with the same decorators.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import pkgutil
import re
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from osh_conformance import rules as package
from osh_conformance.errors import SuiteError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from osh_conformance.model.chart import RenderedChart
    from osh_conformance.model.finding import Verdict
    from osh_conformance.model.observation import Observation
    from osh_conformance.model.rule import Rule
    from osh_conformance.model.scenario import Scenario

    StaticCheck = Callable[[RenderedChart], Verdict]
    LiveCheck = Callable[[Observation], Verdict]
    MatrixCheck = Callable[[Observation, Sequence[Observation]], Verdict]

#: The entry-point group by which other distributions add rules.
GROUP = "osh_conformance.rules"

_ID = re.compile(r"[A-Z]+-[1-9][0-9]*")
_MODULE = re.compile(r"[a-z]+_[1-9][0-9]*")
#: Only the module of a static rule has this line.
_STATIC = b"\n@static_rule("
_Function = TypeVar("_Function", bound="Callable[..., Verdict]")

_rules: dict[str, Rule] = {}
_static: dict[str, StaticCheck] = {}
_live: dict[str, LiveCheck] = {}
_matrix: dict[str, MatrixCheck] = {}
_replaced: set[str] = set()


def static_rule(rule: Rule) -> Callable[[_Function], _Function]:
    """Register the decorated function as the static check of `rule`; raises `ValueError` for an id that is taken."""
    return functools.partial(_register, rule, _static)


def live_rule(rule: Rule) -> Callable[[_Function], _Function]:
    """Register the decorated function as the live check of `rule`; raises `ValueError` for an id that is taken."""
    return functools.partial(_register, rule, _live)


def matrix_rule(rule: Rule) -> Callable[[_Function], _Function]:
    """Register the decorated function as the matrix check of `rule`; raises `ValueError` for an id that is taken."""
    return functools.partial(_register, rule, _matrix)


def all_rules() -> Mapping[str, Rule]:
    """Return every rule by id, sorted; raises `SuiteError` for rules of another distribution that do not load."""
    _load()
    return dict(sorted(_rules.items()))


def static_rules() -> Mapping[str, StaticCheck]:
    """Return the functions that check a rendered chart, by id, sorted; raises `SuiteError` as `all_rules` does."""
    _load()
    return dict(sorted(_static.items()))


def static_ids() -> tuple[str, ...]:
    """Return the ids of `static_rules`, sorted; raises `SuiteError` as `all_rules` does.

    Without rules of other distributions it imports no rule: importing them takes longer than reading their text.
    """
    if _load.cache_info().currsize or _entry_points():
        return tuple(static_rules())
    folder = Path(str(package.__file__)).parent
    modules = [file for file in folder.glob("*.py") if _MODULE.fullmatch(file.stem)]
    own = (file.stem.upper().replace("_", "-") for file in modules if _STATIC in file.read_bytes())
    return tuple(sorted(own)) if modules else tuple(static_rules())


def live_rules() -> Mapping[str, LiveCheck]:
    """Return the functions that check an observation, by id, sorted; raises `SuiteError` as `all_rules` does."""
    _load()
    return dict(sorted(_live.items()))


def matrix_rules() -> Mapping[str, MatrixCheck]:
    """Return the functions that compare cells, by id, sorted; raises `SuiteError` as `all_rules` does."""
    _load()
    return dict(sorted(_matrix.items()))


def rules_of(scenario: Scenario) -> tuple[str, ...]:
    """Return the ids of the rules that `scenario` checks: those that it lists, and those that request it.

    A rule requests a scenario by its name, or by the name of its group; the latter does not mean a scenario of pull
    probes, which has no release.
    """
    wanted = {scenario.name} if scenario.probes else {scenario.name, scenario.group.value}
    asking = (rule.id for rule in all_rules().values() if wanted & set(rule.scenarios))
    return tuple(dict.fromkeys((*scenario.rules, *asking)))


@contextlib.contextmanager
def replaced(rule: str, check: StaticCheck) -> Iterator[None]:
    """Replace the check of a static rule in this process while the context lasts. For tests of the rules."""
    own = static_rules()[rule]
    _static[rule] = check
    _replaced.add(rule)
    try:
        yield
    finally:
        _static[rule] = own
        _replaced.discard(rule)


def is_replaced(rule: str) -> bool:
    """Whether `replaced` is active for the rule: then verdicts of worker processes and of the cache do not count."""
    return rule in _replaced


def extension_modules() -> tuple[str, ...]:
    """Return the names of the modules with rules of other distributions, sorted. It loads none of them."""
    return tuple(sorted({entry.module for entry in _entry_points()}))


def _register(rule: Rule, checks: dict[str, Any], function: _Function) -> _Function:
    if not _ID.fullmatch(rule.id):
        raise ValueError(f"`{rule.id}` is no id of a rule: it must be capital letters, a dash and a number")
    if rule.id in checks or _rules.get(rule.id, rule) != rule:
        raise ValueError(f"{rule.id} is registered twice")
    _rules[rule.id] = rule
    checks[rule.id] = function
    return function


@functools.cache
def _load() -> None:
    for module in pkgutil.iter_modules(package.__path__):
        if _MODULE.fullmatch(module.name):
            importlib.import_module(f"{package.__name__}.{module.name}")
    for entry in _entry_points():
        _load_extension(entry)


@functools.cache
def _entry_points() -> tuple[metadata.EntryPoint, ...]:
    return tuple(sorted(metadata.entry_points(group=GROUP), key=lambda entry: (entry.module, entry.name)))


def _load_extension(entry: metadata.EntryPoint) -> None:
    tables: tuple[dict[str, Any], ...] = (_rules, _static, _live, _matrix)
    before = [dict(table) for table in tables]
    try:
        importlib.import_module(entry.module)
    except Exception as error:
        # Nothing of a module that failed stays: it would be in the way of the next attempt.
        for table, content in zip(tables, before, strict=True):
            table.clear()
            table.update(content)
        distribution = entry.dist.name if entry.dist else "unknown"
        raise SuiteError(
            f"the rules of the distribution `{distribution}` do not load (module {entry.module}): {error!r}",
            expected="a module that registers rules, each under an id of its own such as `ACME-1`",
            fix=f"correct {entry.module}, or uninstall {distribution}",
        ) from error
