"""A scenario runs on fakes: which calls its steps make, in which order, and what the observation records."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from osh_conformance.errors import SuiteError
from osh_conformance.model.chart import Container, DeclaredChart, Role
from osh_conformance.model.matrix import Cell
from osh_conformance.model.observation import MARK, DatabaseState, TableState
from osh_conformance.model.scenario import (
    ExpectedData,
    InjectStep,
    InstallStep,
    RecoverStep,
    RepairStep,
    Scenario,
    SqlStep,
    SqlTarget,
    UninstallStep,
    Until,
    UpgradeStep,
)
from osh_conformance.observe import usage
from osh_conformance.observe.watch import View
from osh_conformance.process import Outcome
from osh_conformance.progress import Progress
from osh_conformance.scenario import early_end, faults, infrastructure, readiness, runner, sessions
from osh_conformance.scenario.database_control import ServerControl
from osh_conformance.scenario.infrastructure import Component
from osh_conformance.scenario.state import CellPlan

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from osh_conformance.model.observation import Observation
    from osh_conformance.model.scenario import ScenarioStep

_SECRET = "Zk3v9QwLmX"
_EMPTY = View(pods={}, jobs={}, all_pods=[], all_jobs=[])
_DROPPING = {
    "metadata": {
        "name": "drop-x",
        "uid": "1",
        "ownerReferences": [{"kind": "Job", "name": "drop", "controller": True}],
    },
    "status": {"phase": "Running", "containerStatuses": [{"name": "drop", "state": {"running": {}}}]},
}
_ROWS = {"user": TableState(rows=2, checksum=1)}
_DROP = Container(
    kind="Job",
    workload_name="drop",
    name="drop",
    role=Role.HOOK,
    image="i",
    pull_policy="Always",
    template="t",
    hook=("pre-delete",),
    key="db_drop",
)


@dataclass(kw_only=True)
class Fakes:
    """Helm, the database server and its control; `calls` has what the steps asked of them, in order."""

    calls: list[str] = field(default_factory=list)
    codes: dict[str, list[int]] = field(default_factory=dict)
    own: bool = False
    #: How many queries after an install still show nothing of the release.
    late: int = 0
    #: The release's databases, and what statements make of them.
    databases: dict[str, dict[str, TableState]] = field(default_factory=lambda: {"keystone": _ROWS})
    changes: dict[str, dict[str, dict[str, TableState]]] = field(default_factory=dict)
    view: View = field(default_factory=lambda: _EMPTY)
    #: Set when the step kills helm; with `waits` an uninstall ends only then.
    kill: threading.Event | None = None
    waits: bool = False
    #: What there is once an uninstall has begun that ends only if it is interrupted.
    hangs: View | None = None
    #: What helm says when it fails.
    says: str = ""
    logs: dict[str, str] = field(default_factory=dict)
    ends: dict[str, Any] = field(default_factory=dict)

    def uninstall(self, kill: threading.Event | None, cancel: threading.Event | None) -> Outcome:
        if self.hangs:
            assert cancel
            self.view = self.hangs
            assert cancel.wait(10)
            self.codes["uninstall"] = [-15]
        outcome = self.helm("uninstall")
        self.kill = kill
        if self.waits and kill:
            assert kill.wait(10)
        return outcome

    def helm(self, action: str) -> Outcome:
        self.calls.append(action)
        code = self.codes[action].pop(0) if self.codes.get(action) else 0
        if code == 0:
            self.own = action != "uninstall"
        return Outcome(argv=("helm", action), code=code, stdout="", stderr=self.says if code else "", seconds=1.0)

    def state(self) -> DatabaseState:
        self.calls.append("query")
        self.late -= self.own
        own = self.own and self.late < 0
        mine = dict(self.databases) if own else {}
        accounts = {"keystone@%": ("ALL ON keystone",)} if own else {}
        return DatabaseState(databases={"neighbour": _ROWS, **mine}, accounts={"root@%": (), **accounts})

    def change(self, sql: str) -> str:
        self.calls.append(sql)
        self.databases.update(self.changes.get(sql, {}))
        return ""


class Watch:
    def __init__(self, fakes: Fakes) -> None:
        self._fakes = fakes
        self.logs = fakes.logs
        self.ends = fakes.ends

    def wake(self) -> None:
        """Nobody sleeps."""

    def logs_are_read(self, _pods: object) -> bool:
        return True

    def view(self) -> View:
        return self._fakes.view

    def wait(self, _title: str, condition: Any, **_: object) -> Any:
        while (found := condition(self.view())) is None:
            threading.Event().wait(0.01)
        return found

    def watch_for(self, condition: Any, *, seconds: float) -> Any:
        assert seconds >= 0
        ends = time.monotonic() + min(seconds, 5.0 if self._fakes.hangs else 0.0)
        while (found := condition(self.view())) is None and time.monotonic() < ends:
            threading.Event().wait(0.01)
        return found


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> Fakes:
    made = Fakes()
    waiting = ("DROP DATABASE keystone",)
    server = SimpleNamespace(state=made.state, names=made.state, change=made.change, waiting=lambda: waiting)

    def install(components: Sequence[Component], _context: object, withheld: Sequence[Component]) -> dict[str, str]:
        made.calls.append(f"server {not withheld}")
        return {component.name: f"{component.name}-0" for component in components}

    monkeypatch.setattr(infrastructure, "install", install)
    monkeypatch.setattr(infrastructure, "database_server", lambda *_: server)
    monkeypatch.setattr(infrastructure, "publish", lambda *_: made.calls.append("publish"))
    monkeypatch.setattr(infrastructure, "add_neighbour", lambda *_: None)
    monkeypatch.setattr(sessions, "hold_neighbour", lambda *_: None)
    monkeypatch.setattr(usage, "objects", lambda *_: ("ConfigMap/keystone",))
    verbs = ("stop", "start", "slow", "steady")
    control = {verb: (lambda *_, verb=verb: made.calls.append(verb)) for verb in verbs}
    monkeypatch.setattr(ServerControl, "of", lambda _: SimpleNamespace(**control))
    return made


def run(fakes: Fakes, folder: Path, *steps: ScenarioStep, db_drop: bool = True, reduced: bool = False) -> Observation:
    helm = SimpleNamespace(
        restore=lambda *_, **__: fakes.helm("restore"),
        install=lambda *_, upgrade=False, **__: fakes.helm("upgrade" if upgrade else "install"),
        uninstall=lambda *_, kill=None, cancel=None, **__: fakes.uninstall(kill, cancel),
    )
    secrets = SimpleNamespace(learn=lambda: None, redact=lambda text: text.replace(_SECRET, "***"))
    context: Any = SimpleNamespace(
        title="cell",
        progress=Progress(quiet=True),
        helm=helm,
        kube=None,
        namespace="cell",
        folder=folder,
        watch=Watch(fakes),
        cancel=threading.Event(),
        secrets=secrets,
        patience=1.0,
        runtime_proof=lambda: None,
        last_words=lambda *_: "",
        second_context=lambda: contextlib.nullcontext(context),
    )
    declared = DeclaredChart(
        name="keystone",
        version="1",
        convention="reference",
        policy="Always",
        images={},
        functions={"db_drop": "db_drop"},
        containers=(_DROP,),
    )
    plan = CellPlan(
        cell=Cell(chart="keystone", path="keystone", flavor="shipped"),
        scenario=Scenario(name="mine", summary="", rules=(), db_drop=db_drop, steps=steps),
        chart=folder,
        values={},
        switch={True: {"drop": True}, False: {"drop": False}},
        declared=declared,
        release="keystone",
        images=(),
        components=(
            Component(name="mariadb", chart=folder, image="i", values={}, without_service={}, container="mariadb"),
        ),
        password="p",
        waits_for=frozenset({"Job/init"}) if reduced else None,
        spare_images={"images": {"db_drop": "spare"}} if fakes.says else {},
    )
    return runner.observe(plan, context, lambda: fakes.calls.append("failed"))


def acts(fakes: Fakes) -> list[str]:
    return [call for call in fakes.calls if call != "query" and MARK not in call]


def test_an_install_and_an_uninstall_record_a_lifetime_and_a_removal(fakes: Fakes, tmp_path: Path) -> None:
    seen = run(fakes, tmp_path, InstallStep(), UninstallStep())
    assert acts(fakes) == ["server True", "install", "uninstall"]
    assert seen.lifetimes[0].databases == seen.lifetimes[0].marked == ("keystone",)
    assert [f"`keystone`.{MARK}" in call for call in fakes.calls].count(True) == 1
    (removal,) = seen.removals
    assert (removal.expected_data, removal.faults, removal.fault_applied) == (ExpectedData.DROPPED, (), True)
    assert "keystone" in removal.populated.databases
    assert "keystone" not in removal.after.databases


def test_a_database_that_comes_after_the_first_look_is_the_releases(fakes: Fakes, tmp_path: Path) -> None:
    fakes.late = 1
    seen = run(fakes, tmp_path, InstallStep(), UninstallStep())
    assert seen.lifetimes[0].databases == ("keystone",)
    assert seen.lifetimes[0].accounts == ("keystone@%",)


@pytest.mark.parametrize(
    ("step", "db_drop", "expected"),
    [
        (UninstallStep(), False, ExpectedData.KEPT),
        (UninstallStep(hooks=False), True, ExpectedData.KEPT),
        (UninstallStep(expected_data=ExpectedData.ALREADY_GONE), True, ExpectedData.ALREADY_GONE),
    ],
)
def test_the_switch_the_hooks_and_the_step_decide_what_is_expected(
    fakes: Fakes, tmp_path: Path, step: UninstallStep, expected: ExpectedData, *, db_drop: bool
) -> None:
    assert run(fakes, tmp_path, InstallStep(), step, db_drop=db_drop).removals[0].expected_data is expected


def test_an_upgrade_switches_the_drop(fakes: Fakes, tmp_path: Path) -> None:
    seen = run(fakes, tmp_path, InstallStep(), UpgradeStep(drop=False), UninstallStep())
    assert acts(fakes) == ["server True", "install", "upgrade", "uninstall"]
    assert seen.removals[0].expected_data is ExpectedData.KEPT


def test_a_first_step_that_withholds_the_service_publishes_it_later(fakes: Fakes, tmp_path: Path) -> None:
    seen = run(fakes, tmp_path, InstallStep(withhold_seconds=3), UninstallStep())
    assert acts(fakes) == ["server False", "install", "publish", "uninstall"]
    assert seen.withheld is not None


def test_an_install_that_must_fail_is_an_error_where_it_succeeds(fakes: Fakes, tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="succeeded without a database"):
        run(fakes, tmp_path, InstallStep(until=Until.FAILED))


def test_a_release_that_is_not_ready_is_uninstalled_and_no_step_follows(fakes: Fakes, tmp_path: Path) -> None:
    fakes.codes = {"install": [1]}
    seen = run(fakes, tmp_path, InstallStep(), SqlStep(sql="SELECT 1;"), UninstallStep())
    assert acts(fakes) == ["server True", "install", "failed", "uninstall"]
    assert "exit code 1" in seen.unsettled


def test_sql_runs_once_for_each_database(fakes: Fakes, tmp_path: Path) -> None:
    run(fakes, tmp_path, InstallStep(), SqlStep(sql="USE {database}; -- {name}", each=SqlTarget.DATABASE))
    assert acts(fakes)[-1] == "USE `keystone`; -- keystone"


def test_a_fault_that_keeps_the_suite_from_the_server_is_queried_after_the_repair(fakes: Fakes, tmp_path: Path) -> None:
    fakes.codes = {"uninstall": [1]}
    seen = run(
        fakes, tmp_path, InstallStep(), InjectStep(inject="server-away"), UninstallStep(), RecoverStep(seconds=0)
    )
    failed, retry = seen.removals
    assert (failed.faults, failed.reachable, failed.is_retry) == (("server-away",), False, False)
    assert failed.failure is not None
    assert (retry.faults, retry.is_retry, retry.expected_data) == ((), True, ExpectedData.DROPPED)
    stopped, started = fakes.calls.index("stop"), fakes.calls.index("start")
    assert "query" not in fakes.calls[stopped:started]
    assert [call for call in acts(fakes) if call in ("uninstall", "start")] == ["uninstall", "start", "uninstall"]


def test_a_recovery_after_a_successful_uninstall_only_repairs(fakes: Fakes, tmp_path: Path) -> None:
    seen = run(fakes, tmp_path, InstallStep(), InjectStep(inject="server-slow"), UninstallStep(), RecoverStep())
    assert len(seen.removals) == 1
    assert seen.removals[0].failure is None
    assert acts(fakes)[-2:] == ["uninstall", "steady"]


def test_a_repair_step_ends_a_fault_before_the_uninstall(fakes: Fakes, tmp_path: Path) -> None:
    seen = run(fakes, tmp_path, InstallStep(), InjectStep(inject="server-slow"), RepairStep(), UninstallStep())
    assert acts(fakes)[-3:] == ["slow", "steady", "uninstall"]
    assert seen.removals[0].faults == ()


def test_a_fault_that_is_still_active_at_the_end_is_repaired(fakes: Fakes, tmp_path: Path) -> None:
    run(fakes, tmp_path, InstallStep(), InjectStep(inject="server-slow"), UninstallStep())
    assert acts(fakes)[-1] == "steady"


def test_a_fault_that_comes_too_late_is_not_applied(
    fakes: Fakes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("osh_conformance.scenario.sessions.locked", lambda _: contextlib.nullcontext())
    seen = run(fakes, tmp_path, InstallStep(), UninstallStep(inject="pod-killed"))
    assert (seen.removals[0].faults, seen.removals[0].fault_applied) == (("pod-killed",), False)


@pytest.fixture
def dropping(fakes: Fakes, monkeypatch: pytest.MonkeyPatch) -> Fakes:
    """A drop that waits for the lock, under a helm that waits for the drop."""

    @contextlib.contextmanager
    def locked(_state: object) -> Iterator[None]:
        fakes.calls.append("lock")
        try:
            yield
        finally:
            fakes.calls.append("unlock")

    monkeypatch.setattr("osh_conformance.scenario.sessions.locked", locked)
    fakes.waits = True
    fakes.view = View(pods={"drop-x": _DROPPING}, jobs={}, all_pods=[], all_jobs=[])
    return fakes


def test_a_fault_is_injected_while_the_drop_waits_for_the_lock(dropping: Fakes, tmp_path: Path) -> None:
    seen = run(dropping, tmp_path, InstallStep(), UninstallStep(inject="helm-killed"))
    assert acts(dropping)[-3:] == ["lock", "uninstall", "unlock"]
    assert seen.removals[0].fault_applied
    assert seen.removals[0].call.killed


def test_a_fault_that_cannot_be_injected_ends_helm_and_opens_the_lock(
    dropping: Fakes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise SuiteError("no such pod")

    monkeypatch.setattr(faults, "inject", broken)
    with pytest.raises(SuiteError, match="no such pod"):
        run(dropping, tmp_path, InstallStep(), UninstallStep(inject="pod-killed"))
    assert acts(dropping)[-3:] == ["lock", "uninstall", "unlock"]
    assert dropping.kill
    assert dropping.kill.is_set()


def test_all_faults_are_repaired_even_if_one_repair_fails(fakes: Fakes) -> None:
    def repair(name: str) -> Any:
        def act() -> None:
            fakes.calls.append(name)
            if name == "last":
                raise SuiteError("no repair")

        return act

    active: list[Any] = [SimpleNamespace(repair=repair("first")), SimpleNamespace(repair=repair("last"))]
    state: Any = SimpleNamespace(active=active)
    with pytest.raises(SuiteError, match="no repair"):
        faults.repair_all(state)
    assert fakes.calls == ["last", "first"]


# -- a drop that fails again and again -------------------------------------------------------------------------------


@pytest.fixture
def hopeless(fakes: Fakes) -> Fakes:
    """A drop whose container failed three times with the same last line, under a helm that waits for it."""
    owner = [{"kind": "Job", "name": "drop", "controller": True}]
    pod = {
        "metadata": {"name": "drop-x", "uid": "1", "ownerReferences": owner, "labels": {}},
        "spec": {"containers": [{"name": "drop"}]},
        "status": {"containerStatuses": [{"name": "drop", "restartCount": 2, "state": {"waiting": {}}}]},
    }
    for number in range(3):
        times = {"startedAt": f"2026-11-30T10:00:{number}0Z", "finishedAt": f"2026-11-30T10:00:{number}1Z"}
        fakes.ends[f"drop-x drop {number}"] = {"exitCode": 1, **times}
        fakes.logs[f"drop-x drop {number}"] = "Traceback\nNoSectionError: No section: 'database'\n"
    fakes.hangs = View(pods={"drop-x": pod}, jobs={}, all_pods=[pod], all_jobs=[])
    return fakes


def test_a_drop_that_fails_again_and_again_ends_helm(hopeless: Fakes, tmp_path: Path) -> None:
    (removal,) = run(hopeless, tmp_path, InstallStep(), UninstallStep()).removals
    assert removal.repeated_failure == "NoSectionError: No section: 'database'"
    assert removal.repeated_by == "Job/drop drop, exit code 1"
    assert (removal.call.code, removal.call.killed) == (-15, False)
    assert "keystone" in removal.after.databases
    assert removal.logs["drop-x drop"].startswith("Traceback")


def test_the_line_that_a_drop_repeats_shows_no_secret(hopeless: Fakes, tmp_path: Path) -> None:
    for name in hopeless.logs:
        hopeless.logs[name] = f"ArgumentError: Could not parse mysql://root:{_SECRET}@mariadb\n"
    (removal,) = run(hopeless, tmp_path, InstallStep(), UninstallStep()).removals
    assert removal.repeated_failure == "ArgumentError: Could not parse mysql://root:***@mariadb"
    assert _SECRET not in repr(removal)


def test_a_job_that_is_about_to_end_by_itself_is_left_to_helm(
    hopeless: Fakes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert hopeless.hangs
    job = {"metadata": {"name": "drop", "uid": "2"}, "spec": {"backoffLimit": 2}, "status": {}}
    hopeless.hangs.jobs = {"drop": job}
    asked: list[object] = []
    monkeypatch.setattr(Watch, "watch_for", lambda self, condition, **_: asked.append(condition(self.view())))
    run(hopeless, tmp_path, InstallStep(), UninstallStep())
    assert asked[0] is None


def test_a_drop_that_ends_in_time_repeats_nothing(fakes: Fakes, tmp_path: Path) -> None:
    (removal,) = run(fakes, tmp_path, InstallStep(), UninstallStep()).removals
    assert (removal.repeated_failure, removal.repeated_by) == ("", "")


def test_in_a_scenario_with_faults_helm_has_its_whole_time(
    hopeless: Fakes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hopeless.hangs = None
    monkeypatch.setattr(early_end, "repeated_failure", lambda *_: pytest.fail("nobody may ask"))
    hopeless.codes = {"uninstall": [1]}
    steps = (InstallStep(), InjectStep(inject="server-slow"), UninstallStep(), RecoverStep(seconds=0))
    assert [each.repeated_failure for each in run(hopeless, tmp_path, *steps).removals] == ["", ""]


# -- a reduced run ---------------------------------------------------------------------------------------------------


def test_a_database_that_comes_after_the_install_step_of_a_reduced_run_gets_a_row_before_the_uninstall(
    fakes: Fakes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "wait_ready", lambda *_: "")
    fakes.changes = {"late": {"late": {}, "full": _ROWS}, "empty": {"keystone": {}}}
    steps = (InstallStep(), SqlStep(sql="late"), SqlStep(sql="empty"), UninstallStep())
    run(fakes, tmp_path, *steps, reduced=True)
    marked = [call.partition("`")[2].partition("`")[0] for call in fakes.calls if "CREATE OR REPLACE TABLE" in call]
    assert marked == ["keystone", "late"]


def test_what_a_fault_hides_is_read_before_it(fakes: Fakes, tmp_path: Path) -> None:
    fakes.changes = {"late": {"late": _ROWS}}
    steps = (InstallStep(), SqlStep(sql="late"), InjectStep(inject="server-away"), UninstallStep(), RepairStep())
    (removal,) = run(fakes, tmp_path, *steps).removals
    assert "late" in removal.populated.databases


# -- the cause after the first ---------------------------------------------------------------------------------------

_REFUSED = 'Job.batch "drop" is invalid: spec.template.spec.containers[0].image: Required value'


def test_a_drop_that_was_refused_for_want_of_an_image_is_tried_with_one(fakes: Fakes, tmp_path: Path) -> None:
    fakes.codes, fakes.says = {"uninstall": [1, 0]}, _REFUSED
    (removal,) = run(fakes, tmp_path, InstallStep(), UninstallStep()).removals
    assert acts(fakes) == ["server True", "install", "uninstall", "restore", "upgrade", "uninstall"]
    assert (removal.call.code, removal.call.output) == (1, _REFUSED)
    assert "keystone" in removal.after.databases
    assert removal.with_image.endswith("exit code 0, and nothing of the release is still on the server")


@pytest.mark.parametrize(
    ("codes", "found"),
    [
        ({"restore": [1]}, "helm restore ended with exit code 1: "),
        ({"upgrade": [1]}, "helm upgrade ended with exit code 1: "),
        ({"uninstall": [1, 2]}, "helm uninstall ended with exit code 2: "),
    ],
)
def test_a_second_try_that_fails_says_how(
    fakes: Fakes, tmp_path: Path, codes: dict[str, list[int]], found: str
) -> None:
    fakes.codes, fakes.says = {"uninstall": [1], **codes}, _REFUSED
    (removal,) = run(fakes, tmp_path, InstallStep(), UninstallStep()).removals
    assert removal.with_image.startswith(found)


@pytest.mark.parametrize("steps", [(), (InjectStep(inject="server-slow"),)])
def test_any_other_failure_and_one_under_faults_is_not_tried_again(
    fakes: Fakes, tmp_path: Path, steps: tuple[ScenarioStep, ...]
) -> None:
    fakes.codes, fakes.says = {"uninstall": [1]}, _REFUSED if steps else "context deadline exceeded"
    (removal,) = run(fakes, tmp_path, InstallStep(), *steps, UninstallStep()).removals
    assert removal.with_image == ""
