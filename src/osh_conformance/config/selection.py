"""Which rules a run checks: `--select` and `--ignore`, by id or family."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.errors import UsageError
from osh_conformance.loading.suggest import did_you_mean
from osh_conformance.rules import registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def selected_rules(select: Iterable[str], ignore: Iterable[str], offered: Iterable[str]) -> tuple[str, ...]:
    """Return the ids of `offered`, those of one engine, that `select` names (all if it is empty) and `ignore` does not.

    A name is an id (`REF-1`) or a family (`REF`), in any case; several may stand in one text, comma separated. Raises
    `UsageError` for a name that no rule has.
    """
    chosen, skipped = _ids(select), _ids(ignore)
    return tuple(rule for rule in offered if (not chosen or rule in chosen) and rule not in skipped)


def check_static(
    select: Iterable[str], named_by: Callable[[], str] = lambda: "--select", *, shared: bool = False
) -> None:
    """Raise `UsageError` for a name of `select` without a static rule: `check` would skip it silently.

    `named_by` returns the option, or the key and its place, that names the rules. `shared`: the names are in a file
    that `live` reads too, so one static rule among them is enough.
    """
    names = _names(select)
    if not names:
        return
    static = registry.static_ids()
    live_only = [name for name in names if not _ids([name]) & set(static)]
    if live_only and not (shared and len(live_only) < len(names)):
        raise UsageError(
            f"{named_by()} {live_only[0]}: only `osh-conformance live` checks it", expected=", ".join(static)
        )


def ids_of(entries: Iterable[str], where: str) -> frozenset[str]:
    """Return the ids of all rules that the entries name; the error of a wrong name begins with `where`."""
    try:
        return frozenset(_ids(entries))
    except UsageError as error:
        raise UsageError(f"{where}: {error.message}", expected=error.expected) from error


def without(ignore: Iterable[str], extended: Iterable[str]) -> tuple[str, ...]:
    """Return the ids that `ignore` names and `extended` does not."""
    return tuple(sorted(_ids(ignore) - _ids(extended)))


def _ids(entries: Iterable[str]) -> set[str]:
    """Return the ids of all rules that the entries name."""
    named = _names(entries)
    if not named:
        return set()
    by_family: dict[str, set[str]] = {}
    for rule in registry.all_rules().values():
        by_family.setdefault(rule.family, set()).add(rule.id)
        by_family[rule.id] = {rule.id}
    found: set[str] = set()
    for name in named:
        if name not in by_family:
            raise UsageError(f"no rule `{name}`{did_you_mean(name, by_family)}", expected=", ".join(sorted(by_family)))
        found |= by_family[name]
    return found


def _names(entries: Iterable[str]) -> list[str]:
    return [name.strip().upper() for entry in entries for name in entry.split(",") if name.strip()]
