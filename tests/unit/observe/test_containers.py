"""The containers that ran in a cell, each with its workload."""

from __future__ import annotations

from typing import Any

from osh_conformance.observe import containers
from osh_conformance.observe.watch import View
from tests.unit.observations import observation


def test_a_job_of_a_schedule_belongs_to_its_cron_job() -> None:
    def owned(name: str, kind: str, owner: str) -> dict[str, Any]:
        return {"metadata": {"name": name, "ownerReferences": [{"kind": kind, "name": owner, "controller": True}]}}

    job = owned("rotate-29000000", "CronJob", "rotate")
    pod = {**owned("rotate-29000000-x7k2p", "Job", "rotate-29000000"), "spec": {"containers": [{"name": "rotate"}]}}
    view = View(pods={}, jobs={}, all_pods=[pod], all_jobs=[job])
    (container,) = containers.observed(view, observation().declared)
    assert container.workload == "CronJob/rotate"
