"""`gc` removes what dead runs left, by locks, marks and folders."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from osh_conformance.charts import commits
from osh_conformance.charts.commits import GitCommit
from osh_conformance.errors import SuiteError, UsageError
from osh_conformance.folders import Folders
from osh_conformance.process import Outcome
from osh_conformance.progress import Progress
from osh_conformance.provision import gc, leftovers, machine, pulled, remove, runs, unnamed
from osh_conformance.provision.docker import BUILDS
from osh_conformance.provision.scratch import hold_temporary_files, note_elsewhere, scratch
from tests.unit.charts.repositories import repository

if TYPE_CHECKING:
    from osh_conformance.provision.docker import Docker
    from osh_conformance.provision.runs import RunFolder

_CELLS = ["namespace/cell-a", "namespace/cell-b"]


@dataclass(kw_only=True)
class FakeDocker:
    """Containers and networks of one run. `coming` maps a container to the listings before it appears."""

    containers: list[str] = field(default_factory=list)
    networks: list[str] = field(default_factory=list)
    cells: list[str] = field(default_factory=list)
    rules: list[str] = field(default_factory=list)
    mirrors: list[str] = field(default_factory=list)
    coming: dict[str, int] = field(default_factory=dict)
    ours: bool = False
    #: The label of the build and the names of each image that is no part of another.
    images: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def run(self, *words: str, deadline: float = 0, check: bool = True) -> Outcome:
        del deadline, check
        answer, code, error = "", 0, ""
        match words:
            case ("image", "inspect", "--format", _, *_):
                steps = {build: "" if names else build for build, names in self.images.items()}
                lines = (f"{build};{steps[build]};{build};{' '.join(names)}" for build, names in self.images.items())
                answer = "\n".join(["", *lines])
            case ("rmi", name):
                self.images = {build: names for build, names in self.images.items() if name not in (build, *names)}
            case ("rm", *_, name):
                self.containers.remove(name)
            case ("network", "rm", name) if self.containers:
                code, error = 1, f"error while removing network: network {name} has active endpoints"
                self.coming = dict.fromkeys(self.coming, 0)
            case ("network", "rm", name):
                self.networks.remove(name)
            case ("exec", _, *inner):
                answer, code = self._in_node(inner)
            case ("network", "inspect", "--format", "{{json .Containers}}", _):
                answer = '{"1f": {"Name": "stray"}}'
            case ("network" | "container", "inspect", name):
                code = name not in self.networks + self.containers
            case _:
                raise AssertionError(words)
        return Outcome(argv=words, code=code, stdout=answer, stderr=error, seconds=0)

    def _in_node(self, words: list[str]) -> tuple[str, int]:
        match words:
            case [*_, "get", "namespaces", "--selector", "osh-conformance.cell", "--output=name"]:
                return "\n".join(self.cells), 0
            case [*_, "delete", "--ignore-not-found", "namespace/cell-a", "namespace/cell-b"]:
                self.cells = []
            case ["iptables", "--wait", "--list-rules", "FORWARD"]:
                return "\n".join(self.rules), 0
            case ["iptables", "--wait", "--delete", "FORWARD", "-d", address, *_]:
                self.rules = [rule for rule in self.rules if address not in rule]
            case ["ip6tables", *_]:
                return "", 3
            case ["find", "/etc/containerd/certs.d", "-maxdepth", "1", "-name", "*.osh-conformance.invalid"]:
                return "\n".join(self.mirrors), 0
            case ["rm", "-rf", name]:
                self.mirrors.remove(name)
            case _:
                raise AssertionError(words)
        return "", 0

    def lines(self, *words: str) -> list[str]:
        if words[0] == "image":
            label = next((word for word in words if word.startswith("label=")), "").removeprefix("label=")
            _, _, build = label.partition("=")
            return [other for other, names in self.images.items() if not build or (other == build and not names)]
        if words[0] == "ps" and any("osh-conformance.step" in word for word in words):
            return []
        if words[0] == "network":
            return [] if "{{" in words[-1] else list(self.networks)
        if "kind.role" in words[-1]:
            return [f"{name} control-plane" for name in self.containers if name.endswith("control-plane")]
        if words[0] != "ps" or "{{.Label" in words[-1]:
            return []
        due = [name for name, looks in self.coming.items() if looks <= 0]
        self.coming = {name: looks - 1 for name, looks in self.coming.items() if looks > 0}
        seen = list(self.containers)
        self.containers += due
        return [f"{name} {name}" for name in seen]


def _docker(fake: FakeDocker) -> Docker:
    return cast("Docker", fake)


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(cache=tmp_path / "cache", state=tmp_path / "state")


def test_gc_leaves_a_live_run(folders: Folders) -> None:
    run = runs.at(folders, "r1")
    with runs.own(folders, run):
        (left,) = gc.collect(None, folders).left
        assert left == "run r1: it is alive"
        with pytest.raises(SuiteError, match="r1"), runs.own(folders, run):
            pass
    with runs.claim(folders, run) as dead:
        assert dead


def test_gc_leaves_a_kept_cluster(folders: Folders) -> None:
    run = runs.at(folders, "r1")
    with runs.own(folders, run):
        run.keep({"node_image": "x"})
    report = gc.collect(None, folders)
    assert report.removed == ()
    assert "kept by --keep" in report.left[0]
    assert run.kept == {"node_image": "x"}


def _kept(folders: Folders, *names: str) -> list[RunFolder]:
    """Clusters that are kept, each under its name; "" is none."""
    made = [runs.named(folders, name) if name else runs.at(folders, "0a1b2c3d") for name in names]
    for run in made:
        with runs.own(folders, run):
            run.keep({})
    return made


@pytest.mark.parametrize(
    ("asked", "stay"),
    [
        (frozenset(), {"", "alice", "bob"}),
        (frozenset({""}), {"alice", "bob"}),
        (frozenset({"alice"}), {"", "bob"}),
        (frozenset({"", "bob"}), {"alice"}),
        (None, set()),
    ],
)
def test_gc_removes_only_the_kept_clusters_of_these_names(
    folders: Folders, asked: frozenset[str] | None, stay: set[str]
) -> None:
    made = _kept(folders, "", "alice", "bob")
    report = gc.collect(_docker(FakeDocker()), folders, kept=asked)
    assert {run.name for run in made if run.folder.is_dir()} == stay
    commands = {"osh-conformance gc --kept" + f" {name}" * bool(name) for name in stay}
    assert {line.split("`")[1] for line in report.left} == commands


def test_gc_says_the_name_of_a_cluster_that_a_run_uses(folders: Folders) -> None:
    (run,) = _kept(folders, "alice")
    with runs.claim(folders, run):
        report = gc.collect(None, folders, kept=frozenset({"alice"}))
        assert report.left == ("run kept-alice: it is alive, on the cluster kept as alice",)
    assert run.kept is not None


def test_a_name_of_no_kept_cluster_is_an_error_with_those_that_there_are(folders: Folders) -> None:
    _kept(folders, "alice", "")
    assert runs.kept_as(folders, "alice").name == "alice"
    with pytest.raises(UsageError, match=r"no cluster is kept as alise.*alice") as caught:
        runs.kept_as(folders, "alise")
    assert caught.value.expected == "alice"


def test_the_name_of_a_kept_cluster_must_fit_into_a_host_name(folders: Folders) -> None:
    longest = "a" * 25
    assert len(f"{runs.named(folders, longest).cluster}-control-plane") <= 63
    for bad in ("", "Alice", "-a", "a-", "a" * 26, "a/b", "a.b"):
        with pytest.raises(UsageError, match="cannot be kept as"):
            runs.named(folders, bad)


def test_two_runs_cannot_make_a_cluster_of_one_name(folders: Folders) -> None:
    run = runs.named(folders, "alice")
    with (
        runs.own(folders, run),
        pytest.raises(SuiteError, match="another run uses the cluster kept as alice"),
        runs.own(folders, run),
    ):
        pass


def test_a_run_id_must_fit_into_a_host_name(folders: Folders) -> None:
    for bad in ("", "A", "-a", "a-", "a" * 31, "a/b"):
        with pytest.raises(UsageError):
            runs.at(folders, bad)


def test_gc_removes_the_folder_of_a_dead_build(folders: Folders) -> None:
    (folders.work / "dead-1").mkdir(parents=True)
    (folders.work / "dead-1" / "file").touch()
    report = gc.collect(None, folders)
    assert report.removed == (f"folder {folders.work / 'dead-1'}",)
    assert list(folders.work.iterdir()) == []


def test_gc_removes_an_unfinished_fetch_and_leaves_the_commits_of_catalogs(
    folders: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OSH_CONFORMANCE_CACHE", str(folders.cache))
    (tmp_path / "upstream").mkdir()
    commit = repository(tmp_path / "upstream")
    source = GitCommit.of("upstream", commit, tmp_path)
    place = source.fetch()
    with commits._unfinished(folders, commit) as alive:
        dead = folders.work / "commit-dead"
        (dead / "tree").mkdir(parents=True)
        report = gc.collect(None, folders)
        assert f"folder {dead}" in report.removed
        assert alive.is_dir()
    assert place.is_dir()
    assert not dead.exists()


def test_remove_removes_the_commits_of_catalogs(
    folders: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OSH_CONFORMANCE_CACHE", str(folders.cache))
    monkeypatch.setattr(machine, "find_docker", lambda: (None, "none in this test"))
    (tmp_path / "upstream").mkdir()
    place = GitCommit.of("upstream", repository(tmp_path / "upstream"), tmp_path).fetch()
    remove.remove(folders, Progress(quiet=True))
    assert not place.exists()


def test_gc_ends_only_processes_with_the_mark() -> None:
    sleep = [sys.executable, "-c", "import time; print(flush=True); time.sleep(60)"]
    environments = ({"OSH_CONFORMANCE_RUN": "gone"}, {"OSH_CONFORMANCE_RUN": "gone-not"})
    started = [subprocess.Popen(sleep, env=env, stdout=subprocess.PIPE) for env in environments]
    try:
        for process in started:
            assert process.stdout is not None
            process.stdout.readline()
        ended = leftovers.end_marked("OSH_CONFORMANCE_RUN", "gone")
        assert [line.split()[0] for line in ended] == [str(started[0].pid)]
        assert started[0].wait(5) != 0
        assert started[1].poll() is None
    finally:
        for process in started:
            process.kill()
            process.communicate()


def test_gc_removes_a_container_that_appears_late(folders: Folders) -> None:
    fake = FakeDocker(containers=["node"], networks=["net"], coming={"late": 2})
    removed = gc.remove_run(_docker(fake), runs.at(folders, "r1"))
    assert (fake.containers, fake.networks) == ([], [])
    assert "container late" in removed


def test_gc_removes_a_network_with_a_container_that_just_started_on_it(folders: Folders) -> None:
    fake = FakeDocker(networks=["net"], coming={"starting": 1})
    removed = gc.remove_run(_docker(fake), runs.at(folders, "r1"))
    assert (fake.containers, fake.networks) == ([], [])
    assert removed == ("container starting", "network osh-conformance-r1")


def test_gc_names_the_container_that_keeps_a_network_in_use(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gc, "_PATIENCE", 0.0)
    fake = FakeDocker(networks=["net"], containers=["stray"])
    monkeypatch.setattr(gc, "_containers", lambda *_: iter(()))
    with pytest.raises(SuiteError, match="osh-conformance-r1 to be free of endpoints") as raised:
        gc.remove_run(_docker(fake), runs.at(folders, "r1"))
    assert "stray" in raised.value.details


def test_gc_removes_the_cells_of_a_dead_run_from_a_kept_cluster(folders: Folders) -> None:
    run = runs.at(folders, "r1")
    with runs.own(folders, run):
        run.keep({})
    node = f"{run.cluster}-control-plane"
    fake = FakeDocker(containers=[node], cells=_CELLS)
    with scratch(folders.scratch, "live"):
        report = gc.collect(_docker(fake), folders)
        assert fake.cells == _CELLS
        lines = [line for line in report.left if "a run is alive" in line]
        assert [cell for cell, line in zip(_CELLS, lines, strict=True) if cell in line] == _CELLS
    report = gc.collect(_docker(fake), folders)
    assert report.removed == tuple(f"{name} on cluster {run.cluster}" for name in _CELLS)
    assert "kept by --keep" in report.left[0]
    assert (fake.cells, fake.containers) == ([], [node])


def test_gc_undoes_only_the_changes_of_faults_on_a_kept_node(folders: Folders) -> None:
    run = runs.at(folders, "r1")
    with runs.own(folders, run):
        run.keep({})
    others = ["-P FORWARD ACCEPT", '-A FORWARD -d 10.0.0.9/32 -m comment --comment "kubernetes rules" -j DROP']
    ours = "-A FORWARD -d 10.244.0.5/32 -p tcp -m comment --comment osh-conformance -j DROP"
    folder = "/etc/containerd/certs.d/faulty-1a2b3c4d.osh-conformance.invalid"
    node = f"{run.cluster}-control-plane"
    fake = FakeDocker(containers=[node], rules=[*others, ours], mirrors=[folder])
    with scratch(folders.scratch, "live"):
        (change, _) = gc.collect(_docker(fake), folders).left[:2]
        assert node in change
        assert "a run is alive" in change
        assert (len(fake.rules), len(fake.mirrors)) == (3, 1)
    report = gc.collect(_docker(fake), folders)
    assert report.removed == (f"firewall rule in node {node}", f"folder {folder} in node {node}")
    assert (fake.rules, fake.mirrors) == (others, [])


def test_gc_lists_what_a_dead_run_left_on_a_foreign_cluster(folders: Folders) -> None:
    with scratch(folders.scratch, "live") as folder:
        note_elsewhere(folder, "namespaces on cluster production: kubectl delete ...")
        copy = folder.with_name("live-dead")
        shutil.copytree(folder, copy)
        assert gc.collect(None, folders).left == ("namespaces on cluster production: kubectl delete ...",)
    assert gc.collect(None, folders).left == ()


def test_gc_ends_the_processes_of_a_dead_run_on_a_kept_cluster(folders: Folders) -> None:
    run = runs.at(folders, "kept-1")
    with runs.own(folders, run):
        run.keep({})
    sleep = [sys.executable, "-c", "import time; print(flush=True); time.sleep(60)"]
    with subprocess.Popen(sleep, env={runs.RUN_MARK: run.id}, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            assert gc.collect(None, folders).removed[0].startswith(f"process {process.pid} ")
            assert process.wait(5) != 0
        finally:
            process.kill()


def test_gc_removes_a_lock_without_a_folder_unless_it_is_held(folders: Folders) -> None:
    folders.scratch.mkdir(parents=True)
    old, fresh = (folders.scratch / f"live-{name}.lock" for name in ("old", "fresh"))
    for lock in (old, fresh):
        lock.touch()
    os.utime(old, (time.time() - 60, time.time() - 60))
    assert gc.collect(None, folders).removed == ("file live-old.lock",)
    assert list(folders.scratch.iterdir()) == [fresh]


@pytest.mark.parametrize("end", ["pass", "os.kill(os.getpid(), 9)"])
def test_temporary_files_are_removed_by_the_process_or_by_gc(end: str, folders: Folders) -> None:
    program = (
        "import os, sys, tempfile\nfrom pathlib import Path\n"
        "from osh_conformance.provision.scratch import hold_temporary_files\n"
        "hold_temporary_files(Path(sys.argv[1]))\n"
        f"print(tempfile.mkdtemp(), flush=True)\n{end}\n"
    )
    words = [sys.executable, "-c", program, str(folders.scratch)]
    printed = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=False, timeout=60).stdout
    made = Path(printed.strip())
    assert made.is_relative_to(folders.scratch)
    assert made.is_dir() is (end != "pass")
    gc.collect(None, folders)
    assert list(folders.scratch.iterdir()) == []


def test_a_state_folder_that_cannot_be_created_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    with pytest.raises(SuiteError, match=r"state/scratch"):
        hold_temporary_files(tmp_path / "state" / "scratch")


def test_gc_ends_a_child_that_starts_while_its_parent_ends() -> None:
    child = "import time; time.sleep(60)"
    parent = (
        "import os, signal, subprocess, sys, time\n"
        "def end(*_):\n"
        f"    child = subprocess.Popen([sys.executable, '-c', {child!r}])\n"
        "    os.write(1, f'{child.pid}\\n'.encode())\n"
        "    sys.exit()\n"
        "signal.signal(signal.SIGTERM, end)\nprint(flush=True)\ntime.sleep(60)\n"
    )
    words = [sys.executable, "-c", parent]
    with subprocess.Popen(words, env={"OSH_CONFORMANCE_RUN": "parent"}, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            ended = [line.split()[0] for line in leftovers.end_marked("OSH_CONFORMANCE_RUN", "parent")]
            assert ended == [str(process.pid), process.stdout.readline().decode().strip()]
        finally:
            process.kill()


def test_gc_reads_the_environment_of_a_process_again_while_it_executes_a_program(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = [sys.executable, "-c", "import time; time.sleep(60)"]
    with subprocess.Popen(words, env={"OSH_CONFORMANCE_RUN": "slow-exec"}) as process:
        place, read, empty = Path(f"/proc/{process.pid}/environ"), Path.read_bytes, [b"", b""]
        monkeypatch.setattr(Path, "read_bytes", lambda path: empty.pop() if path == place and empty else read(path))
        try:
            ended = leftovers.end_marked("OSH_CONFORMANCE_RUN", "slow-exec")
            assert [line.split()[0] for line in ended] == [str(process.pid)]
        finally:
            process.kill()
    assert not empty


def test_gc_leaves_a_process_without_an_environment() -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], env={}) as process:
        try:
            assert leftovers.end_marked("OSH_CONFORMANCE_RUN", "nothing") == ()
            assert process.poll() is None
        finally:
            process.kill()


def test_gc_removes_nameless_images_of_dead_builds_of_this_cache(folders: Folders) -> None:
    other = Folders(cache=folders.cache / "other", state=folders.state)
    dead, stored, foreign = (
        unnamed.mark(folders, folders.work / "a-key-1"),
        unnamed.mark(folders, folders.work / "b-key-1"),
        unnamed.mark(other, other.work / "a-key-1"),
    )
    (folders.builds / "b-key").mkdir(parents=True)
    with scratch(folders.work, "a-key") as folder:
        alive = unnamed.mark(folders, folder)
        fake = FakeDocker(images={dead: (), alive: (), foreign: (), stored: ("osh-conformance.invalid/build/b:key",)})
        assert gc.collect(_docker(fake), folders).removed == (f"image {dead} without a name",)
        assert set(fake.images) == {alive, foreign, stored}


@dataclass
class Retagged:
    """A Docker with three images whose builds ended; two lost their name to a third one."""

    names: dict[str, str]

    def lines(self, *_: str) -> list[str]:
        return list(self.names)

    def run(self, *words: str, deadline: float = 0, check: bool = True) -> Outcome:
        del deadline, check
        answer = ""
        if words[0] == "rmi":
            del self.names[words[1]]
        else:
            answer = "\n".join(f"{build};;{build};{name}" for build, name in self.names.items())
        return Outcome(argv=words, code=0, stdout=answer, stderr="", seconds=0)


def test_a_build_removes_images_that_lost_their_name_to_it(folders: Folders) -> None:
    ours, theirs, other = (
        unnamed.mark(folders, folders.work / "a-key-2"),
        unnamed.mark(Folders(cache=folders.cache / "other", state=folders.state), Path("a-key-1")),
        unnamed.mark(folders, folders.work / "b-key-1"),
    )
    fake = Retagged({ours: f"{BUILDS}a:key", theirs: "", other: ""})
    unnamed.clear_superseded(cast("Docker", fake), "a", "key")
    assert set(fake.names) == {ours, other}


def test_gc_removes_the_name_of_an_image_that_was_built_and_not_stored(folders: Folders) -> None:
    fake = FakeDocker(images={unnamed.mark(folders, folders.work / "a-key-1"): (f"{BUILDS}a:key",)})
    assert gc.collect(_docker(fake), folders).removed == (f"image {BUILDS}a:key",)
    fake.images = {unnamed.mark(folders, folders.work / "a-key-1"): ("my/copy:1",)}
    assert gc.collect(_docker(fake), folders).removed == ()


def test_a_pulled_image_is_noted_once(folders: Folders) -> None:
    assert pulled.noted(folders) == ()
    for reference in ("a/b:1", "c/d:2", "a/b:1"):
        pulled.note(folders, reference)
    assert pulled.noted(folders) == ("a/b:1", "c/d:2")


def test_remove_names_the_pulled_images_that_it_leaves(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    for reference in ("a/b:1", "gone/since:1"):
        pulled.note(folders, reference)

    class Engine(FakeDocker):
        def has_image(self, reference: str) -> bool:
            return reference == "a/b:1"

        def run(self, *words: str, deadline: float = 0, check: bool = True) -> Outcome:
            if words[:2] == ("volume", "rm"):
                return Outcome(argv=words, code=1, stdout="", stderr="no such volume", seconds=0)
            return FakeDocker.run(self, *words, deadline=deadline, check=check)

    monkeypatch.setattr(machine, "find_docker", lambda: (_docker(Engine()), ""))
    result = remove.remove(folders, Progress(quiet=True))
    assert result.left == ("image a/b:1: it was pulled, others may use it",)
    assert f"folder {folders.state}" in result.removed


def test_gc_leaves_an_image_of_somebody_else_that_builds_on_one_of_ours(folders: Folders) -> None:
    fake = FakeDocker(images={unnamed.mark(folders, folders.work / "a-key-1"): (f"{BUILDS}a:key", "mine/b:1")})
    assert gc.collect(_docker(fake), folders).removed == ()
