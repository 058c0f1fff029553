"""Removing what runs left that are gone: theirs by label, name, lock or mark, and nothing else."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from osh_conformance import process
from osh_conformance.errors import SuiteError
from osh_conformance.provision import gc_nodes, leftovers, runs
from osh_conformance.provision.build import POLICY, policy_text
from osh_conformance.provision.scratch import abandoned, clear, elsewhere, remove_tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from osh_conformance.folders import Folders
    from osh_conformance.provision.docker import Docker
    from osh_conformance.provision.runs import RunFolder

_REMOVE = 120.0
#: Seconds until an engine has surely begun what a client told it that is dead since.
_PAUSE = 0.5
#: Seconds for which a network may have somebody on it whose container cannot be seen yet.
_PATIENCE = 10.0
#: A lock younger than this may be somebody's who has not taken it yet.
_FRESH = 5.0
#: On the namespaces of cells.
_CELL_LABEL = "osh-conformance.cell"
_CONTROL_PLANE = "control-plane"
_ROLE = '{{.Names}} {{.Label "io.x-k8s.kind.role"}}'
_KUBECTL = ("kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf")
_BUILD_CONTAINER = re.compile(r"osh-conformance-([a-z0-9-]+)-[0-9a-f]{16}")


@dataclass(frozen=True, slots=True, kw_only=True)
class GcResult:
    """What was removed, and what stays and why; one line each."""

    removed: tuple[str, ...]
    left: tuple[str, ...]


def collect(engine: Docker | None, folders: Folders, *, kept: bool = False) -> GcResult:
    """Remove what dead runs and dead builds left. Kept clusters only with `kept`. Without an engine: the rest."""
    removed: list[str] = []
    left: list[str] = []
    for run in _all_runs(engine, folders):
        with runs.claim(folders, run) as dead:
            if not dead:
                left.append(f"run {run.id}: it is alive")
            elif run.kept is not None and not kept:
                removed += _processes(run)
                if engine is not None:
                    removed += _of_kept(engine, folders, run, left)
                left.append(f"cluster {run.cluster}: kept by --keep (osh-conformance gc --kept removes it)")
            elif engine is None and run.folder.is_dir():
                left.append(f"run {run.id}: no Docker engine answers, so what it left there cannot be seen")
            else:
                removed += remove_run(engine, run)
    removed += _dead_builds(engine, folders)
    removed += _abandoned(folders.scratch, left)[0]
    return GcResult(removed=tuple(removed), left=tuple(left))


def remove_run(engine: Docker | None, run: RunFolder) -> tuple[str, ...]:
    """Remove all of one run: processes, containers, network, image names, folder. Nothing there is no error."""
    removed = list(_processes(run))
    if engine is not None:
        removed += _of_engine(engine, run)
        removed += _image_names(engine, run.folder)
    if run.folder.is_dir():
        remove_tree(run.folder)
        removed.append(f"folder {run.folder}")
    return tuple(removed)


def _all_runs(engine: Docker | None, folders: Folders) -> tuple[RunFolder, ...]:
    found = {run.id: run for run in runs.known(folders)}
    if engine is not None:
        # Of another user of this engine, the state folder is another one: theirs to collect.
        mine = f"label={runs.STATE_LABEL}={folders.state}"
        label = f'{{{{.Label "{runs.RUN_LABEL}"}}}}'
        listed = [
            *engine.lines("network", "ls", "--filter", mine, "--format", label),
            *engine.lines("ps", "--all", "--filter", mine, "--format", label),
        ]
        for run_id in listed:
            found.setdefault(run_id, runs.at(folders, run_id))
    return tuple(found.values())


def _processes(run: RunFolder) -> Iterator[str]:
    for told in leftovers.end_marked(runs.RUN_MARK, run.id):
        yield f"process {told}"


def _of_engine(engine: Docker, run: RunFolder) -> Iterator[str]:
    """Remove containers and network, until nothing more comes.

    A client may be dead, and what it told the engine not done yet: its container or network appears a moment later.
    """
    yield from _seen(engine, run)
    while True:
        time.sleep(_PAUSE)
        more = tuple(_seen(engine, run))
        if not more:
            return
        yield from more


def _seen(engine: Docker, run: RunFolder) -> Iterator[str]:
    yield from _containers(engine, run)
    for network in engine.lines("network", "ls", "--quiet", "--filter", f"label={runs.RUN_LABEL}={run.id}"):
        yield from _network(engine, run, network)


def _containers(engine: Docker, run: RunFolder) -> Iterator[str]:
    for condition in (f"label={runs.RUN_LABEL}={run.id}", f"label={runs.KIND_LABEL}={run.cluster}"):
        for line in engine.lines("ps", "--all", "--filter", condition, "--format", "{{.ID}} {{.Names}}"):
            identity, _, name = line.partition(" ")
            _remove_container(engine, identity)
            yield f"container {name}"


def _network(engine: Docker, run: RunFolder, identity: str) -> Iterator[str]:
    """Remove a network, and containers that were still about to start on it."""
    end = time.monotonic() + _PATIENCE
    while True:
        outcome = engine.run("network", "rm", identity, deadline=_REMOVE, check=False)
        if outcome.ok or not engine.run("network", "inspect", identity, check=False).ok:
            break
        if "active endpoints" not in outcome.stderr or time.monotonic() > end:
            raise process.CommandError(outcome, f"ended with exit code {outcome.code}")
        yield from _containers(engine, run)
        time.sleep(0.2)  # the engine has no event for who did not begin it
    yield f"network {run.cluster}"


def _of_kept(engine: Docker, folders: Folders, run: RunFolder, left: list[str]) -> Iterator[str]:
    """What a dead run left on a kept cluster: names of images, namespaces of cells, and what it did to the nodes.

    `left` gets what stays.
    """
    yield from _image_names(engine, run.folder)
    listed = engine.lines("ps", "--filter", f"label={runs.KIND_LABEL}={run.cluster}", "--format", _ROLE)
    roles = dict(line.split() for line in listed)
    control = [name for name, role in roles.items() if role == _CONTROL_PLANE]
    if not control:
        return
    kubectl = ("exec", control[0], *_KUBECTL)
    try:
        cells = engine.run(*kubectl, "get", "namespaces", "--selector", _CELL_LABEL, "--output=name").stdout.split()
    except SuiteError:
        left.append(f"cells on cluster {run.cluster}, if there are any: it does not answer")
        return
    in_nodes = list(gc_nodes.left_in(engine, list(roles)))
    if not cells and not in_nodes:
        return
    # A run that was told to use this cluster by its kubeconfig has no lock on it, but a scratch folder of its own.
    # Whoever begins one from now on has no namespace that was listed.
    gone, alive = _abandoned(folders.scratch, left)
    yield from gone
    if alive:
        left += [f"{what} on cluster {run.cluster}: a run is alive that may have made it" for what in cells]
        left += [f"{what}: a run is alive that may have made it" for what, _ in in_nodes]
        return
    if cells:
        engine.run(*kubectl, "delete", "--ignore-not-found", *cells, deadline=_REMOVE)
        yield from (f"{name} on cluster {run.cluster}" for name in cells)
    for what, words in in_nodes:
        # Who was at it may have repaired it just now.
        if engine.run(*words, deadline=_REMOVE, check=False).ok:
            yield what


def _remove_container(engine: Docker, identity: str) -> None:
    """Remove a container; that somebody else (a run that ends just now) is at it already is no error."""
    outcome = engine.run("rm", "--force", "--volumes", identity, deadline=_REMOVE, check=False)
    end = time.monotonic() + _REMOVE
    while not outcome.ok and engine.run("container", "inspect", identity, check=False).ok:
        if "already in progress" not in outcome.stderr or time.monotonic() > end:
            raise process.CommandError(outcome, f"ended with exit code {outcome.code}")
        time.sleep(0.2)  # the engine has no event for who did not begin it


def _image_names(engine: Docker, folder: Path) -> Iterator[str]:
    """Names under which a run pushed to its registry; the images themselves have other names, and stay."""
    try:
        endpoint = (folder / "registry-endpoint").read_text().strip()
    except FileNotFoundError:
        return
    for name in engine.lines("image", "ls", "--format", "{{.Repository}}:{{.Tag}}"):
        if endpoint and name.startswith(f"{endpoint}/"):
            engine.run("rmi", "--no-prune", name, check=False)
            yield f"image name {name}"


def _dead_builds(engine: Docker | None, folders: Folders) -> list[str]:
    removed, builds_alive = _abandoned(folders.work, [])
    if not builds_alive:
        removed += _policy(folders)
        removed += _build_containers(engine, folders) if engine is not None and engine.ours else []
    return removed


def _abandoned(parent: Path, left: list[str]) -> tuple[list[str], bool]:
    """Remove the scratch folders below `parent` that nobody works in; tell what, and whether some stay.

    `left` gets what a run made on a cluster of somebody else: nothing here may touch it.
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
    """Scratch folders, and those of which there is only the lock: it is there before its folder, and after it."""
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


def _build_containers(engine: Docker, folders: Folders) -> Iterator[str]:
    """Containers of builds, which carry the name of a recipe and a key."""
    for line in engine.lines("ps", "--all", "--format", "{{.ID}} {{.Names}}"):
        identity, _, name = line.partition(" ")
        match = _BUILD_CONTAINER.fullmatch(name)
        if match and (folders.locks / f"{match.group(1)}.lock").exists():
            _remove_container(engine, identity)
            yield f"container {name}"
