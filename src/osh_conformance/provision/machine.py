"""The state of this machine: its programs, its Docker Engine, its way to a registry, its recipes. Changes nothing."""

from __future__ import annotations

import dataclasses
import os
import queue
import re
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from osh_conformance import process
from osh_conformance.errors import SuiteError
from osh_conformance.provision import recipes
from osh_conformance.provision.docker import candidates
from osh_conformance.provision.prerequisites import which

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from osh_conformance.provision.docker import Docker
    from osh_conformance.provision.recipes import Recipes

#: The registry of image references without a host. Its answer shows whether this machine can pull images.
_REGISTRY = "https://registry-1.docker.io/v2/"
_REACH = 3.0
_PROBE = 10.0
#: The first kind version whose nodes read /etc/containerd/certs.d by default.
_KIND_AT_LEAST = (0, 27)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Whether a container registry answers, and its answer."""

    ok: bool
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program and its version."""

    path: Path
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineInfo:
    """The state of the machine. A program is None if it is not on PATH or too old; `..._problem` says which."""

    root: bool
    docker: Docker | None
    docker_version: str
    docker_problem: str
    kind: Program | None
    kind_problem: str
    helm: Mapping[int, Program]
    registry: Reach
    recipes: Recipes | None


def look(recipes_folder: Path | None = None) -> MachineInfo:
    """Return the state of this machine. Takes as long as the slowest probe (3 s if a firewall drops packets)."""
    with ThreadPoolExecutor(max_workers=4) as pool:
        registry = pool.submit(reach_registry)
        docker = pool.submit(_probe_docker)
        kind = pool.submit(_find_kind)
        helm = pool.submit(_find_helm)
    found, version, problem = docker.result()
    kind_program, kind_problem = kind.result()
    folder = recipes.recipes_folder(recipes_folder)
    return MachineInfo(
        root=os.geteuid() == 0,
        docker=found,
        docker_version=version,
        docker_problem=problem,
        kind=kind_program,
        kind_problem=kind_problem,
        helm=helm.result(),
        registry=registry.result(),
        recipes=recipes.load(folder) if folder else None,
    )


def reach_registry() -> Reach:
    """Ask a container registry for its API version, and wait at most three seconds."""
    answers: queue.Queue[Reach] = queue.Queue()

    def ask() -> None:
        answers.put(_ask_registry())

    # Name resolution has no deadline, so a daemon thread does it, and may go on after this function returns.
    threading.Thread(target=ask, daemon=True).start()
    try:
        return answers.get(timeout=_REACH + 0.5)
    except queue.Empty:
        return Reach(ok=False, answer=f"{_REGISTRY}: no answer within {_REACH:g} s")


def _ask_registry() -> Reach:
    request = urllib.request.Request(_REGISTRY, method="GET")
    try:
        with urllib.request.urlopen(request, timeout=_REACH) as response:  # noqa: S310 - of https
            return Reach(ok=True, answer=f"{_REGISTRY}: {response.status}")
    except urllib.error.HTTPError as error:
        # A registry answers 401 without a login; 403 and 5xx are answers of proxies on the way.
        return Reach(ok=error.code in (401, 429), answer=f"{_REGISTRY}: {error.code} {error.reason}")
    except (urllib.error.URLError, OSError) as error:
        return Reach(ok=False, answer=f"{_REGISTRY}: {getattr(error, 'reason', error)}")


def _probe_docker() -> tuple[Docker | None, str, str]:
    problem = "no docker program on PATH"
    for candidate in candidates():
        try:
            return candidate, candidate.version(), ""
        except SuiteError as error:
            problem = f"{error.message}: {error.details}".rstrip(": .?!")
    return None, "", problem


def _find_kind() -> tuple[Program | None, str]:
    path = which("kind")
    if path is None:
        return None, "not on PATH"
    program = probe_kind(path)
    if program is None:
        return None, f"{path} prints no version"
    if version_tuple(program.version)[:2] < _KIND_AT_LEAST:
        return None, f"{path} is {program.version}, but {'.'.join(map(str, _KIND_AT_LEAST))} or later is needed"
    return program, ""


def probe_kind(path: Path) -> Program | None:
    """Return a kind program, or None if it prints no version."""
    return _probe(path, ["version"])


def _find_helm() -> Mapping[int, Program]:
    found: dict[int, Program] = {}
    for name in ("helm", "helm4", "helm3"):
        path = which(name)
        program = _probe(path, ["version", "--template", "{{.Version}}"]) if path else None
        if program:
            found.setdefault(version_tuple(program.version)[0], program)
    return MappingProxyType(found)


def _probe(path: Path, arguments: list[str]) -> Program | None:
    try:
        outcome = process.run([path, *arguments], deadline=_PROBE, check=False)
    except SuiteError:
        return None
    match = re.search(r"v?(\d+\.\d+(\.\d+)?)", outcome.stdout)
    return Program(path=path, version=match.group(1)) if outcome.ok and match else None


def version_tuple(text: str) -> tuple[int, ...]:
    """Return the numbers of a version such as `1.2.3`."""
    return tuple(int(part) for part in re.findall(r"\d+", text))


def with_docker(machine: MachineInfo, docker: Docker) -> MachineInfo:
    """Return the state with an engine that was started since; raises `SuiteError` if it does not answer."""
    return dataclasses.replace(machine, docker=docker, docker_version=docker.version(), docker_problem="")


def find_docker() -> tuple[Docker | None, str]:
    """Return the Docker Engine that answers, or None and the reason."""
    found, _, problem = _probe_docker()
    return found, problem
