"""Kill runs with -9 at random moments: `gc` must leave nothing of them, and bystanders must lose nothing.

    python ci/kills.py [--times 20] [--seed N] [--chart PATH] [--scenario NAME,...] [--between FROM,TO]

First come the bystanders, which are not the suite's, or not of the run that is killed: another kind cluster with a Helm
release and a database on it; a kept cluster of another state folder, with somebody's release and database beside what
the suite has there; a container, a network, a volume, a process and folders that look like the suite's own. Of each a
digest is taken, before the first kill and after each `gc`.

Then, so many times: `osh-conformance live CHART --scenario NAME` is started in a state folder of its own; at a moment
drawn evenly from the time that a complete run takes, it is killed (in turns: its main process alone, which leaves its
helpers running, and all processes of it at once); `osh-conformance gc` is run, must end with 0, and is checked:
containers, networks with their bridges and firewall rules, volumes, names of images, processes, also those in
containers, mounts, the state folder, HOME, TMPDIR and the working folder. The store volume of the registry outlives
runs, and so do timings.json with its lock, and renderings in the cache, of which there are none when a run begins.
Every fifth run is one on the kept cluster, which must stay, without the namespaces of the run.

A complete run of each scenario is measured first, and must leave nothing without any `gc`. The seed is printed: with it
the same moments are drawn again, as fractions of the time that a run takes. `--between 0.1,0.3` draws from a part of
it, to look closely at one step. At the end all is removed that this made, however it ends.

Exit codes: 0 nothing was left and nobody lost anything, 1 something was left or a bystander changed, 2 interrupted,
3 the environment broke and nothing is known, 4 usage.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import random
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import yaml

from osh_conformance import process
from osh_conformance.cluster.kind import kind_config
from osh_conformance.errors import SuiteError, UsageError
from osh_conformance.progress import Progress
from osh_conformance.provision import images, runs, scratch, toolbox
from osh_conformance.provision.folders import Folders, default_folders
from osh_conformance.suite import records
from osh_conformance.suite.infrastructure import DATABASE_CHART, database_image

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from types import FrameType

    from osh_conformance.provision.engine import Engine
    from osh_conformance.provision.toolbox import Toolbox

ROOT = Path(__file__).resolve().parents[1]
OK, FOUND, INTERRUPTED, BROKEN = 0, 1, 2, 3
#: How a run is killed, in turns.
VARIANTS = ("process", "session")
_KEPT_EVERY = 5
_SCENARIOS = ("drop-enabled", "drop-disabled", "pull-policy")
_LONGEST = 900.0
_COLLECT = 300.0
_CREATE = 900.0
_READY = 180
_QUICK = 120.0
_GONE = 10.0
_CLUSTER = re.compile(r"osh-conformance-[0-9a-f]{8}\b")
_STEP = re.compile(r"^  (?:\.\.|ok|FAIL) +(?P<text>.*?)(?:  (?P<seconds>\d+\.\d) s)?$")
_BEGUN = "  .. "
#: The parts of the cache that a run writes.
_WRITTEN = ("renderings", "work")
#: What changes by itself on a cluster, or follows from what does not.
_VOLATILE = {
    "componentstatuses",
    "certificatesigningrequests.certificates.k8s.io",
    "endpoints",
    "endpointslices.discovery.k8s.io",
    "events",
    "events.events.k8s.io",
    "leasecandidates.coordination.k8s.io",
    "leases.coordination.k8s.io",
}
_KUBECTL = ("kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf")
_CLIENT = ("mariadb", "--defaults-file=/etc/administrator/my.cnf", "--batch", "--raw", "--skip-column-names")
#: What to ask the server for all that is in it: statements, as the server itself writes names.
_QUESTIONS = """
SELECT CONCAT('SHOW CREATE DATABASE `', schema_name, '`') FROM information_schema.schemata;
SELECT CONCAT(question.begin, '`', table_schema, '`.`', table_name, '`', question.rest) FROM information_schema.tables,
  (SELECT 'SHOW CREATE TABLE ' AS begin, '' AS rest UNION SELECT 'CHECKSUM TABLE ', ' EXTENDED') AS question
  WHERE table_schema NOT IN ('information_schema', 'mysql', 'performance_schema', 'sys');
SELECT CONCAT(question.begin, QUOTE(user), '@', QUOTE(host)) FROM mysql.global_priv,
  (SELECT 'SHOW CREATE USER ' AS begin UNION SELECT 'SHOW GRANTS FOR ') AS question;
"""
#: Somebody's data, under the names that the chart under test would give its own.
_DATA = """
CREATE DATABASE keystone CHARACTER SET utf8mb4;
USE keystone;
CREATE TABLE project (id INT PRIMARY KEY, name VARCHAR(64) NOT NULL, secret BLOB NOT NULL);
INSERT INTO project SELECT seq, CONCAT('project ', seq), UNHEX(SHA2(seq, 512)) FROM seq_1_to_2000;
CREATE TABLE endpoint (id INT PRIMARY KEY, project INT NOT NULL REFERENCES project (id));
INSERT INTO endpoint SELECT seq, seq FROM seq_1_to_500;
CREATE DATABASE ledger;
USE ledger;
CREATE TABLE entry (id INT AUTO_INCREMENT PRIMARY KEY, amount DECIMAL(12, 2), at TIMESTAMP(6) DEFAULT NOW(6));
INSERT INTO entry (amount) SELECT seq / 7 FROM seq_1_to_1000;
CREATE USER keystone@'%' IDENTIFIED BY 'somebody''s';
GRANT ALL PRIVILEGES ON keystone.* TO keystone@'%';
CREATE USER clerk@'10.%' IDENTIFIED BY 'else';
GRANT SELECT, INSERT ON ledger.entry TO clerk@'10.%' WITH GRANT OPTION;
"""

Dump = Mapping[str, str]


# -- what is drawn, told and compared, without a cluster ---------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """One kill: what is run, how it ends, and after which fraction of the time that a complete run takes."""

    number: int
    scenario: str
    variant: str
    kept: bool
    fraction: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What came of a round. `seconds` and `step`: when and where it was killed, or how long it took."""

    name: str
    scenario: str
    variant: str
    seconds: float
    step: str
    collected: float | None
    left: tuple[str, ...]
    harmed: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing was left and nobody lost anything."""
        return not self.left and not self.harmed


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """How a dump differs from an earlier one, by the names of its parts."""

    added: tuple[str, ...]
    lost: tuple[str, ...]
    changed: tuple[str, ...]


def planned(times: int, seed: int, scenarios: Sequence[str], between: tuple[float, float]) -> tuple[Kill, ...]:
    """The kills of a seed. Every scenario meets every variant; some meet the kept cluster."""
    drawn = random.Random(seed)  # noqa: S311 - moments, no secrets
    return tuple(
        Kill(
            number=number,
            scenario=scenarios[(number - 1) // len(VARIANTS) % len(scenarios)],
            variant=VARIANTS[(number - 1) % len(VARIANTS)],
            kept=number % _KEPT_EVERY == 0,
            fraction=drawn.uniform(*between),
        )
        for number in range(1, times + 1)
    )


def last_step(printed: str) -> str:
    """What a run was doing when it printed its last line: the step that had begun last, if it had not ended."""
    begun: list[str] = []
    ended = ""
    for line in printed.splitlines():
        match = _STEP.match(line)
        if match is None:
            continue
        if line.startswith(_BEGUN):
            begun.append(match["text"])
        else:
            ended = match["text"]
            begun = [text for text in begun if text != ended]
    told = begun[-1] if begun else f"after: {ended}" if ended else "start-up"
    return _CLUSTER.sub("…", told)


def step_seconds(printed: str) -> dict[str, float]:
    """How long each step took that ended."""
    found = (_STEP.match(line) for line in printed.splitlines())
    return {match["text"]: float(match["seconds"]) for match in found if match and match["seconds"]}


def without_cluster(seconds: float, printed: str) -> float:
    """How long a run would have taken on a cluster that is there already."""
    own = [took for step, took in step_seconds(printed).items() if _CLUSTER.search(step) and "cluster" in step]
    return max(1.0, seconds - sum(own))


def canonical(value: Any) -> str:
    """One text for one content."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)


def digest(dump: Dump) -> str:
    """The digest of all parts of a dump, whatever their order."""
    return hashlib.sha256(canonical(dump).encode()).hexdigest()


def stable(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """What of an API object is somebody's: not its status, nor what the API server notes."""
    meta = item["metadata"]
    if item["kind"] == "Node":
        # Its taints come and go with its kubelet's breath.
        return {"uid": meta["uid"], "labels": meta.get("labels", {})}
    names = ("annotations", "deletionTimestamp", "finalizers", "labels", "ownerReferences", "uid")
    dull = ("apiVersion", "kind", "metadata", "status")
    content = {name: part for name, part in item.items() if name not in dull}
    return {"metadata": {name: meta[name] for name in names if name in meta}, **content}


def object_name(item: Mapping[str, Any]) -> str:
    """How an API object is called here."""
    where = item["metadata"].get("namespace", "")
    return f"{item['kind']} {f'{where}/' if where else ''}{item['metadata']['name']}"


def compared(before: Dump, after: Dump) -> Change:
    """What came, went and changed."""
    return Change(
        added=tuple(sorted(set(after) - set(before))),
        lost=tuple(sorted(set(before) - set(after))),
        changed=tuple(sorted(name for name in set(before) & set(after) if before[name] != after[name])),
    )


def topmost(names: Collection[str]) -> list[str]:
    """Paths, without those below others of them."""
    return sorted(name for name in names if not any(str(parent) in names for parent in Path(name).parents))


def descendants(pid: int, parents: Mapping[int, int]) -> set[int]:
    """The processes that descend from `pid`, by the parent of each."""
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def table(rows: Iterable[Row]) -> str:
    """The rows as text, with a line of totals."""
    rows = tuple(rows)
    head = ("round", "scenario", "killed", "after s", "step", "gc s", "left", "intact")
    cells = [
        (
            row.name,
            row.scenario,
            row.variant,
            f"{row.seconds:.1f}",
            row.step,
            "-" if row.collected is None else f"{row.collected:.1f}",
            str(len(row.left)),
            "NO" if row.harmed else "yes",
        )
        for row in rows
    ]
    widths = [max(len(each) for each in column) for column in zip(head, *cells, strict=True)]
    lines = [
        "  ".join(text.ljust(width) for text, width in zip(each, widths, strict=True)).rstrip()
        for each in (head, *cells)
    ]
    kills = sum(row.collected is not None for row in rows)
    left, harmed = sum(len(row.left) for row in rows), sum(len(row.harmed) for row in rows)
    lines.append(f"{kills} killed, {len(rows) - kills} complete; left: {left}; changes to bystanders: {harmed}")
    return "\n".join(lines)


# -- processes ---------------------------------------------------------------------------------------------------------


def _parents() -> dict[int, int]:
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            found[int(path.name)] = int((path / "stat").read_text().rpartition(")")[2].split()[1])
    return found


def _carriers(mark: str) -> dict[int, str]:
    """The processes that have `mark` in their environment, with their command lines; none that have ended."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            carries = mark.encode() in (path / "environ").read_bytes().split(b"\0")
            words = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            if carries and words:
                found[int(path.name)] = words
    return found


def _kill(pid: int, mark: str) -> None:
    """Kill one process of ours. By a handle: between looking and killing the number may become another's."""
    with contextlib.suppress(OSError):
        handle = os.pidfd_open(pid)
        try:
            if pid in _carriers_of(pid, mark):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        finally:
            os.close(handle)


def _carriers_of(pid: int, mark: str) -> set[int]:
    return {pid} if mark.encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0") else set()


def _kill_session(main: subprocess.Popen[bytes], mark: str) -> None:
    """Kill a run with all that it started, whatever session that is in."""
    victims = descendants(main.pid, _parents())
    main.kill()
    for pid in victims:
        _kill(pid, mark)
    ends = time.monotonic() + _GONE
    while others := _carriers(mark):
        for pid in others:
            _kill(pid, mark)
        if time.monotonic() > ends:
            raise SuiteError(f"processes do not end: {others}")
    main.wait(_GONE)


# -- the program, in a state of its own --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call of the program. Its output grows in a file, so that nobody has to read a pipe."""

    child: subprocess.Popen[bytes]
    file: Path
    started: float

    @property
    def printed(self) -> str:
        """What it has printed so far."""
        return self.file.read_text(errors="replace")

    @property
    def seconds(self) -> float:
        """How long ago it was started."""
        return time.monotonic() - self.started

    def ended(self, within: float) -> bool:
        """Whether it ends by itself `within` seconds from now."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.child.wait(max(0.0, within))
        return self.child.poll() is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """HOME, cache, state, TMPDIR and working folder of one user of the program."""

    folder: Path

    @classmethod
    def made(cls, folder: Path) -> Home:
        """A new one."""
        for name in ("cache", "calls", "state", "tmp", "user", "work"):
            (folder / name).mkdir(parents=True)
        for path in default_folders().cache.iterdir():
            if path.name not in _WRITTEN:
                (folder / "cache" / path.name).symlink_to(path)
        return cls(folder=folder)

    @property
    def folders(self) -> Folders:
        """As the program sees them: what was built for this user, and nothing that was rendered."""
        return Folders(cache=self.folder / "cache", state=self.folder / "state" / "osh-conformance")

    @property
    def mark(self) -> str:
        """By it all processes of this home are known."""
        return f"XDG_STATE_HOME={self.folder / 'state'}"

    @contextlib.contextmanager
    def started(self, verb: str, *words: str | Path) -> Iterator[Call]:
        """`osh-conformance VERB WORDS` in a session of its own; nothing of it lives when the body ends."""
        folder = self.folder / "calls" / f"{len(list((self.folder / 'calls').iterdir())):03}"
        folder.mkdir()
        # Each run renders its chart, as a first one does.
        shutil.rmtree(self.folders.cache / "renderings", ignore_errors=True)
        output = ["--json", folder / "report.json", "--artifacts", folder / "artifacts"] if verb == "live" else []
        name, _, value = self.mark.partition("=")
        own = {
            name: value,
            "HOME": str(self.folder / "user"),
            "TMPDIR": str(self.folder / "tmp"),
            "DOCKER_CONFIG": os.environ.get("DOCKER_CONFIG", str(Path.home() / ".docker")),
            "OSH_CONFORMANCE_CACHE": str(self.folders.cache),
            "OSH_CONFORMANCE_RECIPES": str(ROOT / "ci"),
        }
        with (folder / "printed.txt").open("wb") as sink:
            child = subprocess.Popen(
                [str(word) for word in (sys.executable, "-m", "osh_conformance", verb, *words, *output)],
                cwd=self.folder / "work",
                env={**os.environ, **own},
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield Call(child=child, file=folder / "printed.txt", started=time.monotonic())
        finally:
            if child.poll() is None:
                _kill_session(child, self.mark)

    def run(self, verb: str, *words: str | Path, within: float) -> tuple[int, str, float]:
        """The same, to its end: exit code, what was printed, seconds. Raises `SuiteError` where there is none."""
        with self.started(verb, *words) as call:
            if not call.ended(within):
                raise SuiteError(f"`osh-conformance {verb}` did not end within {within:g} s", details=call.printed)
            return int(call.child.returncode), call.printed, call.seconds

    def clear(self, engine: Engine) -> None:
        """Remove all runs of this home, kept ones too, and their store; raises `SuiteError`."""
        for pid in _carriers(self.mark):
            _kill(pid, self.mark)
        code, printed, _ = self.run("gc", "--kept", within=_COLLECT)
        engine.run("volume", "rm", "--force", runs.store_volume(self.folders), check=False)
        if code:
            raise SuiteError(f"`osh-conformance gc --kept` ended with {code}", details=printed)


# -- bystanders --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Bystander:
    """Something that no kill and no `gc` may touch. `shared`: the run that is killed may add to it meanwhile."""

    name: str
    dump: Callable[[], Dump]
    shared: bool = False


@dataclass(slots=True, kw_only=True)
class Bystanders:
    """All of them, how they were before the first kill, and how they were when they were looked at last."""

    known: list[Bystander] = field(default_factory=list)
    before: dict[str, Dump] = field(default_factory=dict)
    now: dict[str, Dump] = field(default_factory=dict)

    def remember(self) -> None:
        """Take the dumps that all later ones must equal."""
        self.before = {each.name: each.dump() for each in self.known}
        self.now = dict(self.before)

    def seen(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What was done to them since the last look, and what was added since where a run may add something."""
        harmed: list[str] = []
        added: list[str] = []
        for each in self.known:
            last = self.now[each.name]
            try:
                self.now[each.name] = each.dump()
            except SuiteError as error:
                harmed.append(f"{each.name}: {error}")
                continue
            change = compared(last, self.now[each.name])
            before = self.before[each.name]
            (added if each.shared else harmed).extend(f"{each.name}: {part} is new" for part in change.added)
            # What a run had left there may go.
            harmed += [f"{each.name}: {part} is gone" for part in change.lost if part in before or not each.shared]
            harmed += [f"{each.name}: {part} has changed" for part in change.changed if part in before]
        return tuple(harmed), tuple(added)

    def digests(self) -> Iterable[str]:
        """Of each the digest when it was looked at last, and how much is in it."""
        for name, dump in self.now.items():
            same = "" if digest(dump) == digest(self.before[name]) else "  NOT AS BEFORE"
            yield f"  sha256:{digest(dump)[:16]}  {len(dump):4} parts  {name}{same}"


@dataclass(slots=True, kw_only=True)
class Place:
    """A kind cluster, asked through kubectl in its node: by other means than the suite's own."""

    engine: Engine
    name: str
    kubeconfig: Path
    kinds: str = ""

    @property
    def node(self) -> str:
        """The container that is its node."""
        return f"{self.name}-control-plane"

    def kubectl(self, *words: str, deadline: float = _QUICK) -> str:
        """What kubectl prints; raises `SuiteError`."""
        return self.engine.run("exec", self.node, *_KUBECTL, *words, deadline=deadline).stdout

    def objects(self) -> Dump:
        """Every object that the API server has, but what changes by itself."""
        if not self.kinds:
            known = self.kubectl("api-resources", "--verbs=list", "--output=name").split()
            self.kinds = ",".join(sorted(set(known) - _VOLATILE))
        listed = json.loads(self.kubectl("get", self.kinds, "--all-namespaces", "--output=json"))
        return {object_name(item): canonical(stable(item)) for item in listed["items"]}

    def containers(self) -> Dump:
        """Its containers in the engine, with the moment of their start: none was replaced or restarted."""
        names = self.engine.lines("ps", "--all", "--filter", f"name={self.name}", "--format", "{{.Names}}")
        containers = (part for name in names for part in _container(self.engine, name).items())
        return dict([*containers, *_network(self.engine, self.name).items()])


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """Somebody's Helm release with a database on some cluster."""

    place: Place
    namespace: str
    release: str
    helm: Path
    home: Path

    def install(self, image: str) -> None:
        """Install it and give it data; raises `SuiteError`."""
        self.place.kubectl("create", "namespace", self.namespace)
        values = self.home / f"{self.place.name}.yaml"
        content = {"images": {"mariadb": image, "pull_policy": "Never"}, "root": {"password": secrets.token_hex(8)}}
        values.write_text(yaml.safe_dump(content))
        self._helm("install", self.release, DATABASE_CHART, "--values", values)
        self.place.kubectl(
            *("rollout", "status", "statefulset/mariadb", "--namespace", self.namespace, f"--timeout={_READY}s"),
            deadline=_READY + _QUICK,
        )
        self._sql(_DATA)

    def bystanders(self) -> Iterable[Bystander]:
        """The release and the database."""
        where = f"on cluster {self.place.name}"
        yield Bystander(name=f"release {self.namespace}/{self.release} {where}", dump=self._release)
        yield Bystander(name=f"database of {self.namespace} {where}", dump=self._database)

    def _release(self) -> Dump:
        """What Helm knows of it, and its containers: none was restarted."""
        listed = json.loads(self.place.kubectl("get", "pods", "--namespace", self.namespace, "--output=json"))
        pods = {
            f"pod {pod['metadata']['name']}": canonical(
                [
                    (each["name"], each.get("containerID"), each["restartCount"], each["state"].get("running"))
                    for each in pod["status"].get("containerStatuses", ())
                ]
            )
            for pod in listed["items"]
        }
        asked = (("get", "all", self.release), ("history", self.release))
        helm = {f"helm {words[0]}": self._helm(*words) for words in asked}
        return pods | helm

    def _database(self) -> Dump:
        """Definition and checksum of every table, and every account with its grants."""
        asked = self._sql(_QUESTIONS).splitlines()
        # Each answer is preceded by its question.
        said = self._sql(";\n".join(f"SELECT {_quoted(f'-- {each}')};\n{each}" for each in asked))
        found: dict[str, str] = {}
        question = ""
        for line in said.splitlines():
            if line.startswith("-- "):
                question = line.removeprefix("-- ")
            found[question] = found.get(question, "") + f"{line}\n"
        return found

    def _sql(self, statements: str) -> str:
        pod = ("exec", "mariadb-0", "--namespace", self.namespace, "--container", "mariadb", "--")
        return self.place.kubectl(*pod, *_CLIENT, "--execute", statements)

    def _helm(self, *words: str | Path) -> str:
        kubeconfig = ("--kubeconfig", self.place.kubeconfig, "--namespace", self.namespace)
        homes = {f"HELM_{name}_HOME": str(self.home / name.lower()) for name in ("CACHE", "CONFIG", "DATA")}
        env = {**homes, "KUBECACHEDIR": str(self.home / "kube")}
        return process.run([self.helm, *words, *kubeconfig], deadline=_QUICK, env=env).stdout


def _quoted(content: str) -> str:
    return "'" + content.replace("\\", "\\\\").replace("'", "''") + "'"


def _container(engine: Engine, name: str) -> Dump:
    outcome = engine.run("container", "inspect", "--format", "{{json .}}", name, check=False)
    if not outcome.ok:
        return {}
    seen = json.loads(outcome.stdout)
    state = {part: seen["State"][part] for part in ("Status", "StartedAt", "Pid")}
    # In no order of their own.
    mounts = sorted(canonical(mount) for mount in seen["Mounts"])
    kept = {part: seen[part] for part in ("Id", "Image", "RestartCount", "Config", "HostConfig", "NetworkSettings")}
    return {f"container {name}": canonical({**kept, "State": state, "Mounts": mounts})}


def _network(engine: Engine, name: str) -> Dump:
    form = "{{.Id}} {{json .Labels}} {{json .IPAM}} {{json .Containers}}"
    outcome = engine.run("network", "inspect", "--format", form, name, check=False)
    return {f"network {name}": outcome.stdout} if outcome.ok else {}


def _volume(engine: Engine, name: str) -> Dump:
    outcome = engine.run("volume", "inspect", "--format", "{{json .}}", name, check=False)
    return {f"volume {name}": outcome.stdout} if outcome.ok else {}


def _files(*folders: Path) -> Dump:
    """Every file below some folders, with its mode and content."""
    found = {}
    for folder in folders:
        for path in sorted([folder, *folder.rglob("*")]):
            content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
            found[str(path)] = f"{path.stat().st_mode:o} {content}"
    return found


def _started(pid: int) -> Dump:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return {}
    return {f"process {pid}": fields[19]} if fields[0] != "Z" else {}


@dataclass(slots=True, kw_only=True)
class Making:
    """Makes bystanders; what it made goes when `stack` closes."""

    tools: Toolbox
    home: Path
    identity: str
    progress: Progress
    stack: contextlib.ExitStack
    found: Bystanders = field(default_factory=Bystanders)

    @property
    def _name(self) -> str:
        return f"bystander-{self.identity}"

    def all(self, chart: Path, kept: Home, scenario: str) -> tuple[Bystanders, Kept]:
        """Every bystander, and the kept cluster."""
        image, _ = images.obtain(database_image(), self.tools, self.progress)
        with self.progress.step(f"bystanders: container, network, volume, process and folders {self._name}"):
            self._small(kept)
        with self.progress.step(f"bystander: kind cluster {self._name}"):
            own = self._cluster()
        with self.progress.step(f"bystander: release and database on cluster {self._name}"):
            self._tenant(own, image, "somebody", "ledger")
        self._of_place(own, shared=False)
        with self.progress.step("bystander: a kept cluster of another state folder"):
            stays = self._kept(kept, chart, scenario)
        with self.progress.step(f"bystander: release and database on cluster {stays.place.name}"):
            # Both names begin as the suite's own do: by its label alone a cell is told from it.
            self._tenant(stays.place, image, "cell-phones", "keystone")
        self._of_place(stays.place, shared=True)
        return self.found, stays

    def _tenant(self, place: Place, image: str, namespace: str, release: str) -> None:
        load = ("load", "docker-image", image, "--name", place.name)
        process.run([self.tools.kind, *load], deadline=_CREATE, env={**self.tools.env, "KUBECONFIG": os.devnull})
        helm = self.tools.helm[4]
        tenant = Tenant(place=place, namespace=namespace, release=release, helm=helm, home=self.home)
        tenant.install(image)
        self.found.known += tenant.bystanders()

    def _of_place(self, place: Place, *, shared: bool) -> None:
        self.found.known += [
            Bystander(name=f"containers and network of cluster {place.name}", dump=place.containers),
            Bystander(name=f"objects of cluster {place.name}", dump=place.objects, shared=shared),
            Bystander(name=f"kubeconfig of cluster {place.name}", dump=lambda: _files(place.kubeconfig)),
        ]

    def _cluster(self) -> Place:
        engine = self.tools.engine
        config, kubeconfig = self.home / "kind.yaml", self.home / "kubeconfig"
        config.write_text(yaml.safe_dump(kind_config(self.tools.kind_config)))
        env = {
            **self.tools.env,
            "KIND_EXPERIMENTAL_PROVIDER": "docker",
            "KIND_EXPERIMENTAL_DOCKER_NETWORK": self._name,
            "KUBECONFIG": os.devnull,
        }
        where = ("--name", self._name, "--kubeconfig", kubeconfig)
        engine.run("network", "create", self._name)
        self.stack.callback(engine.run, "network", "rm", self._name, check=False)
        self.stack.callback(process.run, [self.tools.kind, "delete", "cluster", *where], deadline=_CREATE, env=env)
        image = ("--image", self.tools.node_image) if self.tools.node_image else ()
        words = ("create", "cluster", *where, "--config", config, "--wait", f"{_READY}s", *image)
        process.run([self.tools.kind, *words], deadline=_CREATE, env=env)
        return Place(engine=engine, name=self._name, kubeconfig=kubeconfig)

    def _kept(self, kept: Home, chart: Path, scenario: str) -> Kept:
        self.stack.callback(kept.clear, self.tools.engine)
        code, printed, _ = kept.run("live", chart, "--keep", "--scenario", scenario, within=_LONGEST)
        run = next((run for run in runs.known(kept.folders) if run.kept is not None), None)
        if code or run is None:
            raise SuiteError(f"a run with --keep ended with {code}", details=printed)
        self.found.known += [
            Bystander(name=f"folder of kept run {run.id}", dump=lambda: _files(run.folder)),
            Bystander(
                name=f"store of kept run {run.id}",
                dump=lambda: _volume(self.tools.engine, runs.store_volume(kept.folders)),
            ),
        ]
        place = Place(engine=self.tools.engine, name=run.cluster, kubeconfig=run.folder / "kubeconfig")
        return Kept(home=kept, run=run, place=place)

    def _small(self, kept: Home) -> None:
        """Things of somebody else that bear labels, marks and names of the suite's kind, with other values."""
        engine, name, stack = self.tools.engine, f"else-{self.identity}", self.stack
        image, _ = images.obtain(images.REGISTRY_IMAGE, self.tools, self.progress)
        labels = [
            f"--label={runs.KIND_LABEL}={name}",
            f"--label={runs.RUN_LABEL}={self.identity}",
            f"--label={runs.STATE_LABEL}={self.home}/somebody/osh-conformance",
        ]
        for kind in ("network", "volume"):
            engine.run(kind, "create", *labels, name)
            stack.callback(engine.run, kind, "rm", name, check=False)
        where = [f"--network={name}", f"--volume={name}:/data", "--entrypoint=sleep"]
        stack.callback(engine.run, "rm", "--force", "--volumes", name, check=False)
        engine.run("run", "--detach", "--name", name, *labels, *where, image, "infinity")
        engine.run("exec", name, "sh", "-c", "head -c 3000000 /dev/urandom >/data/blob; ls -l /etc >/data/list")

        def volume() -> Dump:
            sums = engine.run("exec", name, "sh", "-c", "cd /data && find . -type f -exec sha256sum {} +").stdout
            return {"content": sums, **_volume(engine, name)}

        folders = self._folders(kept)
        sleeper = self._process()
        user = Path.home() / ".kube" / "config"
        self.found.known += [
            Bystander(name=f"container {name}", dump=lambda: _container(engine, name)),
            Bystander(name=f"network {name}", dump=lambda: _network(engine, name)),
            Bystander(name=f"volume {name}", dump=volume),
            Bystander(name="folders beside the suite's", dump=lambda: _files(*folders)),
            Bystander(name=f"process {sleeper}", dump=lambda: _started(sleeper)),
            Bystander(name="kubeconfig of this user", dump=lambda: _files(user) if user.exists() else {}),
        ]

    def _folders(self, kept: Home) -> Sequence[Path]:
        """Beside the state and the cache, and named as in them."""
        cache = default_folders().cache
        beside = cache.with_name(f"{cache.name}-{self._name}")
        self.stack.callback(shutil.rmtree, beside, ignore_errors=True)
        folders = [kept.folder / "state" / "somebody", self.home / "state" / "osh-conformance-else", beside]
        for folder in folders:
            for name in ("runs/12345678/owner.lock", "scratch/live-12345678.lock", "work/kind-0/out"):
                file = folder / name
                file.parent.mkdir(parents=True)
                file.write_text(secrets.token_hex(64))
        return folders

    def _process(self) -> int:
        marks = {runs.RUN_MARK: self.identity, scratch.MARK: f"{self.home}/somebody"}
        words = [shutil.which("sleep") or "/bin/sleep", "infinity"]
        sleeper = subprocess.Popen(words, env={**os.environ, **marks}, start_new_session=True)
        self.stack.callback(sleeper.wait)
        self.stack.callback(sleeper.kill)
        return sleeper.pid


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A kept cluster, and whose it is."""

    home: Home
    run: runs.Run
    place: Place


# -- what a run leaves -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """What a killed run has in the engine, by identities that nothing else will ever have."""

    containers: frozenset[str]
    networks: frozenset[str]
    volumes: frozenset[str]


@dataclass(slots=True, kw_only=True)
class Leftovers:
    """Looks for what is left of the runs of one home. `spared` is the cluster of a kept run."""

    engine: Engine
    home: Home
    spared: str = ""
    clusters: set[str] = field(default_factory=set)
    before: dict[str, set[str]] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)

    def expect(self) -> None:
        """Whatever is there now is not of the next run."""
        self.before = self._unnamed() | {"files": self._files()}

    def traces(self, printed: str) -> Traces:
        """What the killed run has in the engine now."""
        self.clusters |= set(_CLUSTER.findall(printed)) - {self.spared}
        containers = frozenset(identity for identity, _ in self._listed("ps", "--all", "{{.ID}} {{.Names}}"))
        form = '{{range .Mounts}}{{if eq .Type "volume"}}{{.Name}} {{end}}{{end}}'
        mounted = self.engine.run("container", "inspect", "--format", form, *containers, check=False).stdout.split()
        return Traces(
            containers=containers,
            networks=frozenset(identity for identity, _ in self._listed("network", "ls", "{{.ID}} {{.Name}}")),
            volumes=frozenset(mounted) - {runs.store_volume(self.home.folders)},
        )

    def found(self, traces: Traces) -> tuple[str, ...]:
        """What is left that no earlier round has told of."""
        left = [f"container {name}" for _, name in self._listed("ps", "--all", "{{.ID}} {{.Names}}")]
        left += [f"network {name}" for _, name in self._listed("network", "ls", "{{.ID}} {{.Name}}")]
        left += [f"process {pid}: {words}" for pid, words in _carriers(self.home.mark).items()]
        left += [f"process in container {name}" for name in self._confined(traces)]
        left += self._of_networks(traces)
        volumes = set(self.engine.lines("volume", "ls", "--quiet"))
        left += [f"volume {name}" for name in traces.volumes & volumes]
        left += [f"file {name}" for name in topmost(self._files() - self.before["files"])]
        left += self._mounts()
        left += self._new_unnamed()
        fresh = [each for each in dict.fromkeys(left) if each not in self.told]
        self.told |= set(fresh)
        return tuple(fresh)

    def _listed(self, *words: str) -> list[tuple[str, str]]:
        """Identity and name of what carries a label of this home or of a cluster of its runs, or such a name."""
        *command, form = words
        labels = (runs.STATE_LABEL, runs.KIND_LABEL)
        shown = " ".join([form, *(f'{{{{or (.Label "{label}") "-"}}}}' for label in labels)])
        found = []
        for line in self.engine.lines(*command, "--no-trunc", "--format", shown):
            identity, name, state, kind = line.split(" ")
            if self.spared and name.startswith(self.spared):
                continue
            ours = any(name.startswith(cluster) or kind == cluster for cluster in self.clusters)
            if ours or state == str(self.home.folders.state):
                found.append((identity, name))
        return found

    @staticmethod
    def _confined(traces: Traces) -> set[str]:
        """Containers of the run that have processes."""
        found = set()
        for path in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                groups = (path / "cgroup").read_text()
                words = (path / "cmdline").read_bytes().decode(errors="replace")
                found |= {name for name in traces.containers if name in groups or name in words}
        return found

    @staticmethod
    def _of_networks(traces: Traces) -> list[str]:
        bridges = [f"br-{identity[:12]}" for identity in traces.networks]
        left = [f"interface {bridge}" for bridge in bridges if Path("/sys/class/net", bridge).exists()]
        program = shutil.which("iptables-save", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
        if program is None or os.geteuid() != 0:
            return left
        rules = process.run([program], deadline=_QUICK, check=False).stdout
        return left + [f"firewall rules for {bridge}" for bridge in bridges if bridge in rules]

    def _mounts(self) -> list[str]:
        points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        return [f"mount {point}" for point in points if point.startswith(str(self.home.folder))]

    def _files(self) -> set[str]:
        """All that lies where a run of this home writes, but for what lasts."""
        places = [self.home.folders.state, *(self.home.folders.cache / name for name in _WRITTEN)]
        places += [self.home.folder / name for name in ("tmp", "user", "work")]
        found = {str(path) for place in places for path in place.rglob("*") if path.suffix != ".chart"}
        lasting = {str(self.home.folders.state / name) for name in ("runs", "runs/.lock", "scratch")}
        lasting |= {str(self.home.folders.state / f"timings.{name}") for name in ("json", "lock")}
        spared = str(self.home.folders.runs / self.spared.removeprefix("osh-conformance-")) if self.spared else "\0"
        return {name for name in found - lasting if not name.startswith(spared)}

    def _unnamed(self) -> dict[str, set[str]]:
        """What bears no mark of a run: volumes that nothing uses, and names of images."""
        names = self.engine.lines("image", "ls", "--format", "{{.Repository}}:{{.Tag}}")
        return {
            "volume": set(self.engine.lines("volume", "ls", "--quiet", "--filter", "dangling=true")),
            # As it is pushed to a registry on this machine.
            "image name": {name for name in names if "/store/" in name},
        }

    def _new_unnamed(self) -> list[str]:
        """Of those, what is new; looked at twice, since others use this engine too."""
        lasting = runs.store_volume(self.home.folders)
        found: list[set[str]] = []
        for pause in (0.0, 2.0):
            time.sleep(pause)
            now = self._unnamed()
            found.append({f"{kind} {name}" for kind in now for name in now[kind] - self.before[kind] - {lasting}})
            if not found[-1]:
                return []
        return sorted(found[0] & found[1])


# -- rounds ------------------------------------------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class Trial:
    """Runs, kills, collects and looks."""

    chart: Path
    engine: Engine
    own: Home
    kept: Kept
    bystanders: Bystanders
    rows: list[Row] = field(default_factory=list)
    durations: dict[tuple[str, bool], float] = field(default_factory=dict)
    leftovers: dict[bool, Leftovers] = field(init=False)

    def __post_init__(self) -> None:
        spared = self.kept.run.cluster
        self.leftovers = {
            False: Leftovers(engine=self.engine, home=self.own),
            True: Leftovers(engine=self.engine, home=self.kept.home, spared=spared),
        }

    def measure(self, scenario: str) -> None:
        """A run that nobody kills: how long it takes, and that it leaves nothing by itself."""
        _say(f"a complete run of {scenario}, which nobody kills")
        looking = self.leftovers[False]
        looking.expect()
        code, printed, seconds = self.own.run("live", self.chart, "--scenario", scenario, within=_LONGEST)
        if code:
            raise SuiteError(f"a run that nobody killed ended with {code}", expected="0", details=printed)
        self.durations[scenario, False] = seconds
        self.durations[scenario, True] = without_cluster(seconds, printed)
        traces = looking.traces(printed)
        harmed, added = self.bystanders.seen()
        self._note("-", scenario, "nobody", seconds, "complete", None, (*looking.found(traces), *added), harmed)

    def kill(self, kill: Kill) -> None:
        """One round. A run that was quicker than expected is run again, and killed earlier."""
        if (kill.scenario, kill.kept) not in self.durations:
            self.measure(kill.scenario)
        while not self._killed(kill, self.durations[kill.scenario, kill.kept] * kill.fraction):
            _say("  it ended before that: once more")

    def _killed(self, kill: Kill, moment: float) -> bool:
        where = f" on the kept cluster {self.kept.run.cluster}" if kill.kept else ""
        _say(f"round {kill.number}: {kill.scenario}{where}; the {kill.variant} is killed after {moment:.1f} s")
        home, looking = (self.kept.home if kill.kept else self.own), self.leftovers[kill.kept]
        looking.expect()
        with home.started("live", self.chart, "--scenario", kill.scenario) as call:
            if call.ended(moment):
                self.durations[kill.scenario, kill.kept] = call.seconds
                return False
            seconds = call.seconds
            step = last_step(call.printed)
            if kill.variant == "process":
                call.child.kill()
                call.child.wait(_GONE)
            else:
                _kill_session(call.child, home.mark)
            printed = call.printed
        traces = looking.traces(printed)
        code, told, collected = home.run("gc", within=_COLLECT)
        left = [f"exit code {code} of gc: {told}"] if code else []
        left += looking.found(traces)
        harmed, added = self.bystanders.seen()
        left += added
        again, more, _ = home.run("gc", within=_COLLECT)
        if again or "nothing to remove" not in more:
            left.append(f"something for a second gc: {more.strip()}")
        name, step = str(kill.number), f"{step} (kept cluster)" if kill.kept else step
        self._note(name, kill.scenario, kill.variant, seconds, step, collected, left, harmed)
        if left or harmed:
            _say(f"  the run had printed:\n{printed}\n  gc printed:\n{told}")
        return True

    def last_look(self) -> tuple[str, ...]:
        """What has come since it was last looked for: an engine may be slow to finish what it was told."""
        nothing = Traces(containers=frozenset(), networks=frozenset(), volumes=frozenset())
        left = [each for looking in self.leftovers.values() for each in looking.found(nothing)]
        harmed, added = self.bystanders.seen()
        return (*left, *added, *harmed)

    def _note(  # noqa: PLR0913, PLR0917
        self,
        name: str,
        scenario: str,
        variant: str,
        seconds: float,
        step: str,
        collected: float | None,
        left: Iterable[str],
        harmed: Iterable[str],
    ) -> None:
        row = Row(
            name=name,
            scenario=scenario,
            variant=variant,
            seconds=seconds,
            step=step,
            collected=collected,
            left=tuple(left),
            harmed=tuple(harmed),
        )
        self.rows.append(row)
        gc = "" if collected is None else f"; gc {collected:.1f} s"
        _say(f"  {step}, {seconds:.1f} s{gc}; left: {len(row.left)}; bystanders {'HARMED' if row.harmed else 'intact'}")
        for each in row.left:
            _say(f"  LEFT    {each}")
        for each in row.harmed:
            _say(f"  HARMED  {each}")


def _say(text: str) -> None:
    print(text, flush=True)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message, fix=f"{self.prog} --help")


def main(argv: Sequence[str] | None = None) -> int:
    """Kill, collect, compare, tell; return the exit code."""
    before = signal.signal(signal.SIGTERM, _interrupt)
    rows: list[Row] = []
    try:
        return _run(_arguments(argv), rows)
    except KeyboardInterrupt:
        _say("interrupted")
        return INTERRUPTED
    except SuiteError as error:
        _say(f"ERROR {error}")
        return error.exit_code
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = _Parser(prog="ci/kills.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=20, metavar="N", help="how many runs to kill (default 20)")
    parser.add_argument("--seed", type=int, default=None, metavar="N", help="draw the moments of an earlier call again")
    parser.add_argument(
        "--chart",
        type=Path,
        default=ROOT / "charts-under-test" / "keystone",
        metavar="PATH",
        help="the chart to run (default charts-under-test/keystone); it must conform",
    )
    parser.add_argument(
        "--scenario",
        type=_scenarios,
        default=_SCENARIOS,
        metavar="NAME,...",
        help=f"what to run, in turns (default {','.join(_SCENARIOS)})",
    )
    parser.add_argument(
        "--between",
        type=_between,
        default=(0.0, 1.0),
        metavar="FROM,TO",
        help="draw from this part of the time that a run takes (default 0,1)",
    )
    args = parser.parse_args(argv)
    if args.times < 1:
        parser.error(f"--times {args.times}: expected 1 or more")
    args.seed = secrets.randbelow(10**6) if args.seed is None else args.seed
    return args


def _scenarios(text: str) -> tuple[str, ...]:
    known = records.scenarios()
    return tuple(records.chosen(known, name, "scenario").name for name in text.split(","))


def _between(text: str) -> tuple[float, float]:
    try:
        begin, end = (float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"--between {text}", expected="two numbers, as in 0.1,0.3") from None
    if not 0 <= begin <= end <= 1:
        raise UsageError(f"--between {text}", expected="from 0 to 1, the smaller one first")
    return begin, end


def _run(args: argparse.Namespace, rows: list[Row]) -> int:
    kills = planned(args.times, args.seed, args.scenario, args.between)
    progress = Progress(stream=sys.stdout)
    identity = secrets.token_hex(4)
    _say(f"seed {args.seed}: {args.times} kills; all that is made here bears {identity} in its name or its labels")
    tools = toolbox.find(recipes=ROOT / "ci", progress=progress)
    started = time.monotonic()
    late: tuple[str, ...] = ()
    try:
        with _cleared(tools, identity) as (home, stack):
            own, other = Home.made(home / "own"), Home.made(home / "kept")
            stack.callback(own.clear, tools.engine)
            making = Making(tools=tools, home=home, identity=identity, progress=progress, stack=stack)
            bystanders, kept = making.all(args.chart.resolve(), other, _cheapest(args.scenario))
            trial = Trial(
                chart=args.chart.resolve(), engine=tools.engine, own=own, kept=kept, bystanders=bystanders, rows=rows
            )
            bystanders.remember()
            _say("\n".join(["before the first kill:", *bystanders.digests()]))
            for kill in kills:
                trial.kill(kill)
            late = trial.last_look()
            _say("\n".join(["after the last gc:", *bystanders.digests()]))
    finally:
        if rows:
            _say("\n" + table(rows))
        for each in late:
            _say(f"LATE    {each}")
        _say(f"seed {args.seed}, {(time.monotonic() - started) / 60:.0f} min")
    return OK if all(row.ok for row in rows) and not late else FOUND


def _cheapest(names: Collection[str]) -> str:
    """The scenario that takes least: one that installs nothing, if there is one."""
    known = records.scenarios()
    return next((name for name in names if known[name].probes), next(iter(names)))


@contextlib.contextmanager
def ignored() -> Iterator[None]:
    """Finish what the body does, whoever interrupts meanwhile: a clean-up that is cut leaves clusters."""
    # By a handler: what is ignored, the programs that clean up would ignore too.
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _cleared(tools: Toolbox, identity: str) -> Iterator[tuple[Path, contextlib.ExitStack]]:
    """A folder to work in, and a stack; in the end nothing is left of either. Raises `SuiteError` if something is."""
    with tempfile.TemporaryDirectory(prefix=f"bystander-{identity}-") as folder:
        undisturbed = contextlib.ExitStack()
        try:
            with contextlib.ExitStack() as stack:
                try:
                    yield Path(folder), stack
                finally:
                    undisturbed.enter_context(ignored())
        finally:
            left = [f"process {pid}: {words}" for pid, words in _marked_below(folder)]
            for words in (("ps", "--all"), ("network", "ls"), ("volume", "ls")):
                name = "{{.Names}}" if words[0] == "ps" else "{{.Name}}"
                lines = tools.engine.lines(*words, "--format", f'{name} {{{{.Label "{runs.STATE_LABEL}"}}}}')
                left += [f"{words[0]}: {line}" for line in lines if identity in line]
            _say("all that was made here is removed" if not left else "\n".join(["NOT REMOVED:", *left]))
            undisturbed.close()
    if left:
        raise SuiteError("something of this script's own is still there", details="\n".join(left))


def _marked_below(folder: str) -> Iterable[tuple[int, str]]:
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            if words and f"={folder}".encode() in (path / "environ").read_bytes():
                yield int(path.name), words


if __name__ == "__main__":
    sys.exit(main())
