"""The values that a cell and its scenario give to a chart, by its convention."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from osh_conformance.charts.conventions import filled, service_name
from osh_conformance.charts.values import merged
from osh_conformance.errors import UsageError
from osh_conformance.model.scenario import ScenarioGroup

if TYPE_CHECKING:
    from collections.abc import Mapping

    from osh_conformance.model.convention import Convention
    from osh_conformance.model.scenario import Scenario


#: What distributions give to nobody: neither system accounts nor people.
_UIDS = range(60001, 61000)


def live_values(
    convention: Convention, chart: str, infrastructure: Mapping[str, Mapping[str, str | int]]
) -> dict[str, Any]:
    """Return the values that a live cell needs: the convention's own, and where each component is.

    `infrastructure` has by component (`mariadb`) its host, port, username and password. Raises `UsageError` where the
    convention does not say how a chart learns of one.
    """
    # Another in each cell: no image has an account for it.
    name: dict[str, str | int] = {"chart": service_name(chart), "uid": _UIDS.start + secrets.randbelow(len(_UIDS))}
    layers = [filled(convention.values, name)]
    for component, coordinates in infrastructure.items():
        if component not in convention.infrastructure:
            raise UsageError(f"the convention {convention.name} does not say how a chart finds `{component}`")
        layers.append(filled(convention.infrastructure[component], {**name, **coordinates}))
    return merged(*layers)


def scenario_values(convention: Convention, chart: str, scenario: Scenario, authority: str) -> dict[str, Any]:
    """Return the values that a scenario asks for, where the convention has a way: see `lacking`.

    `authority` is the PEM of the one that the server's certificate is of, if it has one.
    """
    words = {"chart": service_name(chart), **scenario.names, "ca": authority}
    layers = [filled(convention.names[kind], words) for kind in scenario.names if kind in convention.names]
    layers += [filled(convention.tls, words)] if scenario.tls else []
    layers += [convention.quick.values] if scenario.quick and convention.quick else []
    layers += [convention.lean] if scenario.table is not ScenarioGroup.MAIN else []
    return merged(*layers)


def second_values(convention: Convention, chart: str) -> dict[str, Any]:
    """Return the values by which a second release of a chart has a database and an account of its own."""
    name = f"{service_name(chart)}_second"
    words = {"chart": service_name(chart), "database": name, "username": name}
    return merged(*(filled(convention.names.get(kind, {}), words) for kind in ("database", "username")))


def lacking(convention: Convention, scenario: Scenario) -> str:
    """Return why a scenario does not apply to charts of a convention: no values do what it needs; "" if it does."""
    wanted = {*scenario.names, *(("database", "username") if scenario.has_second else ())}
    missing = sorted(wanted - set(convention.names))
    if missing:
        return f"the convention {convention.name} does not say by which values a service gets another {missing[0]}"
    if scenario.tls and not convention.tls:
        return f"the convention {convention.name} does not say how a chart learns of a certificate authority"
    return ""
