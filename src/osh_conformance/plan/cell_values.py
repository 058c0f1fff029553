"""The values that a cell and its scenario give to a chart, by its convention."""

from __future__ import annotations

import secrets
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from osh_conformance.charts.conventions import expanded, filled, service_name
from osh_conformance.charts.values import merged
from osh_conformance.errors import UsageError
from osh_conformance.model.convention import DATABASE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from osh_conformance.model.convention import Convention
    from osh_conformance.model.scenario import Scenario


#: User ids that distributions assign to no account.
_UIDS = range(60001, 61000)
NO_VALUES: Mapping[str, Any] = MappingProxyType({})


def live_values(
    convention: Convention,
    chart: str,
    infrastructure: Mapping[str, Mapping[str, str | int]],
    own: Mapping[str, Any] = NO_VALUES,
) -> dict[str, Any]:
    """Return the values of a live cell: those of the convention, and the address of each component.

    `infrastructure` has by component (`mariadb`) its coordinates: host, port, username, password, and what else the
    component has. `own` are the values that the chart has without these: a convention may ask what is in them. Raises
    `UsageError` if the convention has no values for a component.
    """
    # A new one in each cell; no image has an account for it.
    placeholders: dict[str, str | int] = {
        "chart": service_name(chart),
        "uid": _UIDS.start + secrets.randbelow(len(_UIDS)),
    }
    layers = [filled(convention.values, placeholders)]
    for component, coordinates in infrastructure.items():
        if component not in convention.infrastructure:
            raise UsageError(
                f"the convention {convention.name} has no values for the address of `{component}`",
                expected=f"`infrastructure.{component}` in the convention",
            )
        given = filled(convention.infrastructure[component], {**placeholders, **coordinates})
        layers.append(expanded(given, own, convention.schemes.get(component, ())))
    return merged(*layers)


def scenario_values(
    convention: Convention, chart: str, scenario: Scenario, authority: str, own: Mapping[str, Any] = NO_VALUES
) -> dict[str, Any]:
    """Return the values of a scenario, as far as the convention defines them: see `lacking`.

    `authority` is the certificate authority of the database server (PEM), "" without TLS. `own` as `live_values` has
    it.
    """
    placeholders = {"chart": service_name(chart), **scenario.names, "ca": authority}
    layers: list[Mapping[str, Any]] = [_named(convention, kind, placeholders, own) for kind in scenario.names]
    layers += [filled(convention.tls, placeholders)] if scenario.tls else []
    layers += [convention.fast_drop.values] if scenario.fast_drop and convention.fast_drop else []
    # A reduction has its own place for them, under the values that the user gives.
    layers += [] if scenario.whole or scenario.reduced else [convention.minimal_values]
    return merged(*layers)


def second_values(convention: Convention, chart: str, own: Mapping[str, Any] = NO_VALUES) -> dict[str, Any]:
    """Return the values that give a second release of a chart databases and accounts of its own.

    `own` as `live_values` has it.
    """
    name = f"{service_name(chart)}_second"
    placeholders = {"chart": service_name(chart), "database": name, "username": name}
    return merged(*(_named(convention, kind, placeholders, own) for kind in ("database", "username")))


def _named(
    convention: Convention, kind: str, placeholders: Mapping[str, str], own: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the values that give a service another database, user name or password, none without a place for it."""
    given = filled(convention.names.get(kind, {}), placeholders)
    return expanded(given, own, convention.schemes.get(DATABASE, ()))


def lacking(convention: Convention, scenario: Scenario) -> str:
    """Return why a scenario does not apply to charts of a convention, "" if it does: it may lack the values for it."""
    needed = {*scenario.names, *(("database", "username") if scenario.has_second else ())}
    missing = sorted(needed - set(convention.names))
    if missing:
        return f"the convention {convention.name} has no values that set a service's {missing[0]}"
    if scenario.tls and not convention.tls:
        return f"the convention {convention.name} has no values that make a chart trust a certificate authority"
    if scenario.pull_secret and not convention.pull_secret:
        return f"the convention {convention.name} has no place for a pull secret"
    return ""
