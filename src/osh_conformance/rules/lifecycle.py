"""What is left on the database server when the Helm release is gone, in every state that a release can be in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.model.finding import Verdict
from osh_conformance.model.rule import Rule
from osh_conformance.rules import _removals
from osh_conformance.rules._live import finding
from osh_conformance.rules.registry import live_rule

if TYPE_CHECKING:
    from osh_conformance.model.observation import Observation

DROP_4 = Rule(
    id="DROP-4",
    title="helm uninstall drops the service's database where the switch is on, and nothing where it is off",
    source="a Kubernetes Job that drops the database for an OpenStack service on deletion of its Helm release",
    why="the switch promises an operator that the service's database goes, or stays, with the release",
    example="a drop Job that ends with 0 and has dropped nothing",
    fix="let the drop Job ask the server what is left, and end with an error if anything is",
)
DROP_5 = Rule(
    id="DROP-5",
    title="the drop is idempotent: it completes whatever state the release and its database are in",
    source="a Kubernetes Job that drops the database for an OpenStack service on deletion of its Helm release",
    why="a release that cannot be uninstalled because something is gone already needs an operator's hands",
    example="a drop Job that runs `DROP DATABASE` without `IF EXISTS`",
    fix="drop with IF EXISTS, each thing by itself, and let the server say at the end what is left",
)
DROP_7 = Rule(
    id="DROP-7",
    title="the drop copes with any name and password, with TLS, with open sessions and with a server that is busy",
    source="a Kubernetes Job that drops the database for an OpenStack service on deletion of its Helm release",
    why="what works on an idle server with plain names only is broken on the day it is needed",
    example="a drop script that writes the database's name into SQL without quoting it",
    fix="quote names, put no URL together again from decoded parts, and end the service's sessions before the drop",
)


@live_rule(DROP_4)
def removal(observation: Observation) -> Verdict:
    """Judge DROP-4: enabled, the service's data is gone and all else untouched; disabled, it is there row for row.

    The service's databases and accounts are what the server shows after install minus before.
    """
    return _removals.judged(observation, DROP_4)


@live_rule(DROP_5)
def idempotence(observation: Observation) -> Verdict:
    """Judge DROP-5: as DROP-4, of a release whose database, account, switch or readiness is not what it was."""
    if observation.unsettled:
        return Verdict.undecided(DROP_5.id, _did_not_come_up(observation))
    return _removals.judged(observation, DROP_5)


@live_rule(DROP_7)
def hardship(observation: Observation) -> Verdict:
    """Judge DROP-7: as DROP-4, of a release with hard names, or on a server that makes the drop hard."""
    if not observation.unsettled:
        return _removals.judged(observation, DROP_7)
    if not (observation.scenario.names or observation.scenario.tls):
        return Verdict.undecided(DROP_7.id, _did_not_come_up(observation))
    told = finding(
        observation,
        DROP_7.id,
        key="db_init",
        found=f"{observation.scenario.summary}: the release does not come up: {observation.unsettled}",
        expected="it comes up as with any other names, and with a server that asks for TLS",
        why=DROP_7.why,
        fix=DROP_7.fix,
    )
    return Verdict.of(DROP_7.id, [told])


def _did_not_come_up(observation: Observation) -> str:
    return f"the release did not come up: {observation.unsettled}"
