"""Looking at this machine: what is there, what can be reached, what could be built. It changes nothing."""

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
from osh_conformance.provision import docker as engines
from osh_conformance.provision import recipes
from osh_conformance.provision.build import which

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from osh_conformance.provision.docker import Docker
    from osh_conformance.provision.recipes import Recipes

#: The registry that an image reference means when it names none, and whether one can pull at all.
_REGISTRY = "https://registry-1.docker.io/v2/"
_REACH = 3.0
_PROBE = 10.0
#: From this kind on, nodes read /etc/containerd/certs.d without being told.
_KIND_AT_LEAST = (0, 27)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Whether a container registry answers, and what was seen."""

    ok: bool
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program and the version it gives."""

    path: Path
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineInfo:
    """What one look at the machine showed. A `None` program: not on PATH, or too old (`problems` says so)."""

    root: bool
    engine: Docker | None
    engine_version: str
    engine_problem: str
    kind: Program | None
    kind_problem: str
    kubectl: Program | None
    helm: Mapping[int, Program]
    registry: Reach
    book: Recipes | None


def look(recipes_folder: Path | None = None) -> MachineInfo:
    """Look at this machine; takes about as long as the slowest probe (3 s where packets are dropped)."""
    with ThreadPoolExecutor(max_workers=5) as pool:
        registry = pool.submit(reach_registry)
        engine = pool.submit(_find_engine)
        kind = pool.submit(_find_kind)
        kubectl = pool.submit(_find_kubectl)
        helm = pool.submit(_find_helm)
    found, version, problem = engine.result()
    kind_program, kind_problem = kind.result()
    folder = recipes.recipes_folder(recipes_folder)
    return MachineInfo(
        root=os.geteuid() == 0,
        engine=found,
        engine_version=version,
        engine_problem=problem,
        kind=kind_program,
        kind_problem=kind_problem,
        kubectl=kubectl.result(),
        helm=helm.result(),
        registry=registry.result(),
        book=recipes.load(folder, offline=not registry.result().ok) if folder else None,
    )


def reach_registry() -> Reach:
    """Ask a container registry for its API version, for at most three seconds."""
    answers: queue.Queue[Reach] = queue.Queue()

    def ask() -> None:
        answers.put(_ask_registry())

    # Resolving a name has no deadline of its own; a daemon thread may be left to it.
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
        # 401 is how a registry says that it is there; 403 and 5xx are what proxies in between say.
        return Reach(ok=error.code in (401, 429), answer=f"{_REGISTRY}: {error.code} {error.reason}")
    except (urllib.error.URLError, OSError) as error:
        return Reach(ok=False, answer=f"{_REGISTRY}: {getattr(error, 'reason', error)}")


def _find_engine() -> tuple[Docker | None, str, str]:
    problem = "no docker program on PATH"
    for candidate in engines.candidates():
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
        return None, f"{path} does not say its version"
    if version_tuple(program.version)[:2] < _KIND_AT_LEAST:
        return None, f"{path} is {program.version}, needed is {'.'.join(map(str, _KIND_AT_LEAST))} or later"
    return program, ""


def probe_kind(path: Path) -> Program | None:
    """A kind program, if it tells its version."""
    return _probe(path, ["version"])


def _find_kubectl() -> Program | None:
    path = which("kubectl")
    return _probe(path, ["version", "--client"]) if path else None


def _find_helm() -> Mapping[int, Program]:
    found: dict[int, Program] = {}
    for name in ("helm", "helm4", "helm3"):
        path = which(name)
        program = _probe(path, ["version", "--template", "{{.Version}}"]) if path else None
        if program:
            found.setdefault(version_tuple(program.version)[0], program)
    return MappingProxyType(found)


def _probe(path: Path, words: list[str]) -> Program | None:
    try:
        outcome = process.run([path, *words], deadline=_PROBE, check=False)
    except SuiteError:
        return None
    match = re.search(r"v?(\d+\.\d+(\.\d+)?)", outcome.stdout)
    return Program(path=path, version=match.group(1)) if outcome.ok and match else None


def version_tuple(text: str) -> tuple[int, ...]:
    """`1.2.3` as numbers."""
    return tuple(int(part) for part in re.findall(r"\d+", text))


def with_engine(seen: MachineInfo, engine: Docker) -> MachineInfo:
    """What was seen, with an engine that has been started since; raises `SuiteError` if it does not answer."""
    return dataclasses.replace(seen, engine=engine, engine_version=engine.version(), engine_problem="")


def any_engine() -> tuple[Docker | None, str]:
    """The Docker engine that answers; or None, and why."""
    found, _, problem = _find_engine()
    return found, problem
