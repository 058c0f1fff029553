"""Garbage collection: removing what dead runs left behind, found by label, name, lock or mark only."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from osh_conformance import process, temporary
from osh_conformance.errors import SuiteError
from osh_conformance.provision import gc_nodes, leftovers, runs, unnamed
from osh_conformance.provision.prerequisites import POLICY, policy_text
from osh_conformance.provision.scratch import abandoned, clear, elsewhere, remove_tree
from osh_conformance.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from osh_conformance.folders import Folders
    from osh_conformance.provision.docker import Docker
    from osh_conformance.provision.runs import RunFolder

_REMOVE = 120.0
#: Seconds for all containers and networks of a run, some of which may still appear.
_REMOVE_ALL = 600.0
#: Seconds after which Docker has surely begun a command whose client is dead.
_PAUSE = 0.5
#: Seconds for which a network may have an endpoint of a container that Docker does not list yet.
_PATIENCE = 10.0
#: A lock file younger than this may belong to a process that has not locked it yet.
_FRESH = 5.0
#: The label on the namespaces of cells.
_CELL_LABEL = "osh-conformance.cell"
_CONTROL_PLANE = "control-plane"
_ROLE = '{{.Names}} {{.Label "io.x-k8s.kind.role"}}'
_BUILD_CONTAINER = re.compile(r"osh-conformance-([a-z0-9-]+)-[0-9a-f]{16}")


@dataclass(frozen=True, slots=True, kw_only=True)
class GcResult:
    """Removed things, and remaining ones with the reason; one line each."""

    removed: tuple[str, ...]
    left: tuple[str, ...]


def collect(docker: Docker | None, folders: Folders, *, kept: AbstractSet[str] | None = frozenset()) -> GcResult:
    """Remove leftovers of dead runs and builds, and the clusters that are kept under one of the names `kept`.

    "" is the name of those that are kept without one; None: all of them. Without Docker, it removes only processes and
    files.
    """
    removed: list[str] = []
    left: list[str] = []
    for run in _all_runs(docker, folders):
        with runs.claim(folders, run) as dead:
            if not dead:
                left.append(f"run {run.id}: it is alive{f', on the cluster kept as {run.name}' if run.name else ''}")
            elif run.kept is not None and kept is not None and run.name not in kept:
                removed += _processes(run)
                if docker is not None:
                    removed += _of_kept(docker, folders, run, left)
                left.append(f"cluster {run.cluster}: kept by {run.keep_option} (`{run.remove_command}` removes it)")
            elif docker is None and run.folder.is_dir():
                left.append(f"run {run.id}: no Docker Engine answers, so its containers cannot be listed")
            else:
                removed += remove_run(docker, run)
    removed += _dead_builds(docker, folders)
    removed += _abandoned(folders.scratch, left)[0]
    removed += temporary.remove_abandoned()
    return GcResult(removed=tuple(removed), left=tuple(left))


def remove_run(docker: Docker | None, run: RunFolder) -> tuple[str, ...]:
    """Remove a run's processes, containers, network, image names and folder; return one line for each.

    Missing things are no error.
    """
    removed = list(_processes(run))
    if docker is not None:
        removed += _of_docker(docker, run)
        removed += _image_names(docker, run.folder)
    if run.folder.is_dir():
        remove_tree(run.folder)
        removed.append(f"folder {run.folder}")
    return tuple(removed)


def _all_runs(docker: Docker | None, folders: Folders) -> tuple[RunFolder, ...]:
    found = {run.id: run for run in runs.known(folders)}
    if docker is not None:
        # Another user of this engine has another state folder, and collects their own runs.
        mine = f"label={runs.STATE_LABEL}={folders.state}"
        label = f'{{{{.Label "{runs.RUN_LABEL}"}}}}'
        listed = [
            *docker.lines("network", "ls", "--filter", mine, "--format", label),
            *docker.lines("ps", "--all", "--filter", mine, "--format", label),
        ]
        for run_id in listed:
            found.setdefault(run_id, runs.at(folders, run_id))
    return tuple(found.values())


def _processes(run: RunFolder) -> Iterator[str]:
    for ended in leftovers.end_marked(runs.RUN_MARK, run.id):
        yield f"process {ended}"


def _of_docker(docker: Docker, run: RunFolder) -> list[str]:
    """Remove containers and networks until no new ones appear.

    Docker may still execute a command of a client that is dead: its container or network appears a moment later.
    So the last look, after a pause, must find nothing.
    """
    removed: list[str] = []
    looks = 0

    def nothing_new() -> bool:
        nonlocal looks
        looks += 1
        new = list(_listed(docker, run))
        removed.extend(new)
        return looks > 1 and not new

    until(
        nothing_new,
        f"the last container of run {run.id} to be removed",
        deadline=_REMOVE_ALL,
        pause=_PAUSE,
        state=lambda: "\n".join(removed),
    )
    return removed


def _listed(docker: Docker, run: RunFolder) -> Iterator[str]:
    """Remove the containers and networks that Docker lists now."""
    yield from _containers(docker, run)
    for network in docker.lines("network", "ls", "--quiet", "--filter", f"label={runs.RUN_LABEL}={run.id}"):
        yield from _network(docker, run, network)


def _containers(docker: Docker, run: RunFolder) -> Iterator[str]:
    for condition in (f"label={runs.RUN_LABEL}={run.id}", f"label={runs.KIND_LABEL}={run.cluster}"):
        for line in docker.lines("ps", "--all", "--filter", condition, "--format", "{{.ID}} {{.Names}}"):
            identity, _, name = line.partition(" ")
            _remove_container(docker, identity)
            yield f"container {name}"


def _network(docker: Docker, run: RunFolder, identity: str) -> list[str]:
    """Remove a network, and containers that were about to start on it."""
    removed: list[str] = []

    def gone() -> bool:
        if _is_removed(docker, "network", identity, unless="active endpoints"):
            return True
        removed.extend(_containers(docker, run))
        return False

    # Docker has no event for a container that it has not created yet.
    until(
        gone,
        f"the network {run.cluster} to be free of endpoints",
        deadline=_PATIENCE,
        state=lambda: docker.run("network", "inspect", "--format", "{{json .Containers}}", identity, check=False).tail,
    )
    return [*removed, f"network {run.cluster}"]


def _of_kept(docker: Docker, folders: Folders, run: RunFolder, left: list[str]) -> Iterator[str]:
    """Remove a dead run's image names, cell namespaces and node changes from a kept cluster.

    `left` receives a line for each that stays.
    """
    yield from _image_names(docker, run.folder)
    listed = docker.lines("ps", "--filter", f"label={runs.KIND_LABEL}={run.cluster}", "--format", _ROLE)
    roles = dict(line.split() for line in listed)
    control = [name for name, role in roles.items() if role == _CONTROL_PLANE]
    if not control:
        return
    kubectl = ("exec", control[0], *gc_nodes.ADMIN_KUBECTL)
    try:
        cells = docker.run(*kubectl, "get", "namespaces", "--selector", _CELL_LABEL, "--output=name").stdout.split()
    except SuiteError:
        left.append(f"cells on cluster {run.cluster}, if there are any: it does not answer")
        return
    in_nodes = list(gc_nodes.left_in(docker, list(roles)))
    if not cells and not in_nodes:
        return
    # A run that got this cluster by --kubeconfig holds no lock on it, but it has a scratch folder. A run that starts
    # after this point has no namespace among those listed above.
    gone, alive = _abandoned(folders.scratch, left)
    yield from gone
    if alive:
        left += [f"{name} on cluster {run.cluster}: a run is alive that may have created it" for name in cells]
        left += [f"{change}: a run is alive that may still need it" for change, _ in in_nodes]
        return
    if cells:
        docker.run(*kubectl, "delete", "--ignore-not-found", *cells, deadline=_REMOVE)
        yield from (f"{name} on cluster {run.cluster}" for name in cells)
    for change, argv in in_nodes:
        # A run that was ending may have repaired it in the meantime.
        if docker.run(*argv, deadline=_REMOVE, check=False).ok:
            yield change


def _remove_container(docker: Docker, identity: str) -> None:
    """Remove a container. Another process (a run that is ending) may be removing it too; that is no error."""
    # Docker has no event for a removal that another client began.
    until(
        lambda: _is_removed(docker, "container", identity, unless="already in progress"),
        f"the container {identity} to be removed",
        deadline=_REMOVE,
    )


def _is_removed(docker: Docker, kind: str, identity: str, *, unless: str) -> bool:
    """Try to remove a container or network once. False: a message with `unless` shows that another try may succeed.

    Raises `CommandError` for any other failure, unless the thing is gone.
    """
    argv = ("rm", "--force", "--volumes") if kind == "container" else (kind, "rm")
    outcome = docker.run(*argv, identity, deadline=_REMOVE, check=False)
    if outcome.ok or not docker.run(kind, "inspect", identity, check=False).ok:
        return True
    if unless not in outcome.stderr:
        raise process.CommandError(outcome, f"ended with exit code {outcome.code}")
    return False


def _image_names(docker: Docker, folder: Path) -> Iterator[str]:
    """Remove the names under which a run pushed images to its registry. The images keep their other names."""
    try:
        endpoint = (folder / "registry-endpoint").read_text().strip()
    except FileNotFoundError:
        return
    for name in docker.lines("image", "ls", "--format", "{{.Repository}}:{{.Tag}}"):
        if endpoint and name.startswith(f"{endpoint}/"):
            docker.run("rmi", "--no-prune", name, check=False)
            yield f"image name {name}"


def _dead_builds(docker: Docker | None, folders: Folders) -> list[str]:
    before = _names(folders.work)
    removed, builds_alive = _abandoned(folders.work, [])
    if not builds_alive:
        removed += _policy(folders)
        removed += _build_containers(docker, folders) if docker is not None and docker.ours else []
    if docker is not None:
        removed += _of_builds(docker, folders, before)
    return removed


def _of_builds(docker: Docker, folders: Folders, before: set[str]) -> list[str]:
    """Remove what builds without an owner left in Docker. `before` has the builds that may have ended just now."""
    left = unnamed.builds(docker, folders)
    alive = _names(folders.work)
    removed: list[str] = []
    for name in sorted((left | before) - alive):
        removed += unnamed.clear_interrupted(docker, unnamed.mark(folders, folders.work / name))
    return [*removed, *unnamed.unfinished(docker, folders, alive)]


def _names(parent: Path) -> set[str]:
    """Return the names of scratch folders, also of those with only a lock."""
    return {path.name.removesuffix(".lock") for path in parent.glob("*")}


def _abandoned(parent: Path, left: list[str]) -> tuple[list[str], bool]:
    """Remove the scratch folders below `parent` whose owner is dead; return lines, and whether others are in use.

    `left` receives the objects that a run created on the user's cluster, which the suite must not delete.
    """
    removed: list[str] = []
    alive = False
    for folder in sorted(_folders(parent)):
        with abandoned(folder) as dead:
            if dead and folder.is_dir():
                left += elsewhere(folder)
                removed += clear(folder)
            elif dead:
                removed.append(f"file {folder.name}.lock")
            alive = alive or not dead
    return removed, alive


def _folders(parent: Path) -> Iterator[Path]:
    """Yield the scratch folders, and those with only a lock: it is created before its folder and removed after it."""
    for path in parent.glob("*"):
        if path.is_dir():
            yield path
        elif path.suffix == ".lock" and not (folder := path.with_suffix("")).is_dir() and not _is_fresh(path):
            yield folder


def _is_fresh(file: Path) -> bool:
    try:
        return time.time() - file.stat().st_mtime < _FRESH
    except FileNotFoundError:
        return True


def _policy(folders: Folders) -> list[str]:
    try:
        ours = POLICY.read_text() == policy_text(folders.logs)
        if ours:
            POLICY.unlink()
    except (FileNotFoundError, PermissionError, UnicodeDecodeError):
        return []
    return [f"file {POLICY}"] if ours else []


def _build_containers(docker: Docker, folders: Folders) -> Iterator[str]:
    """Remove the containers of builds; each is named after a recipe and its key."""
    for line in docker.lines("ps", "--all", "--format", "{{.ID}} {{.Names}}"):
        identity, _, name = line.partition(" ")
        match = _BUILD_CONTAINER.fullmatch(name)
        if match and (folders.locks / f"{match.group(1)}.lock").exists():
            _remove_container(docker, identity)
            yield f"container {name}"
