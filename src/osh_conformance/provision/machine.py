"""The state of this machine: its programs, its Docker Engine, its recipes. Changes nothing."""

from __future__ import annotations

import dataclasses
import os
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from osh_conformance import process
from osh_conformance.errors import SuiteError
from osh_conformance.provision import recipes
from osh_conformance.provision.docker import find as find_engine
from osh_conformance.provision.prerequisites import which
from osh_conformance.provision.registries import QUICK, Registries

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from osh_conformance.provision.docker import Docker, EngineInfo
    from osh_conformance.provision.recipes import Recipes

_PROBE = 10.0
#: The first kind version whose nodes read /etc/containerd/certs.d by default.
_KIND_AT_LEAST = (0, 27)


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program and its version."""

    path: Path
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineInfo:
    """The state of the machine. A program is None if it is not on PATH or too old; `..._problem` says which.

    `docker_refused`: there is an engine that this suite cannot use, so `setup` must not provide another one.
    """

    root: bool
    docker: Docker | None
    docker_version: str
    docker_problem: str
    docker_refused: bool
    kind: Program | None
    kind_problem: str
    helm: Mapping[int, Program]
    registries: Registries
    recipes: Recipes | None


def look(recipes_folder: Path | None = None, patience: float = QUICK) -> MachineInfo:
    """Return the state of this machine. `patience`: seconds to wait for a registry, when one is asked."""
    with ThreadPoolExecutor(max_workers=3) as pool:
        docker = pool.submit(find_engine)
        kind = pool.submit(_find_kind)
        helm = pool.submit(_find_helm)
    engine = docker.result()
    kind_program, kind_problem = kind.result()
    folder = recipes.recipes_folder(recipes_folder)
    return MachineInfo(
        root=os.geteuid() == 0,
        docker=engine.docker,
        docker_version=engine.info.version if engine.info else "",
        docker_problem=engine.problem,
        docker_refused=engine.refused,
        kind=kind_program,
        kind_problem=kind_problem,
        helm=helm.result(),
        registries=_registries(engine.info, patience),
        recipes=recipes.load(folder) if folder else None,
    )


def _registries(info: EngineInfo | None, patience: float) -> Registries:
    if info is None:
        return Registries(patience=patience)
    return Registries(
        mirrors=info.mirrors,
        proxy=info.https_proxy,
        no_proxy=info.no_proxy,
        insecure=info.insecure,
        patience=patience,
    )


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
    info = docker.info()
    return dataclasses.replace(
        machine,
        docker=docker,
        docker_version=info.version,
        docker_problem="",
        registries=_registries(info, machine.registries.patience),
    )


def find_docker() -> tuple[Docker | None, str]:
    """Return the Docker Engine that answers, or None and the reason."""
    engine = find_engine()
    return engine.docker, engine.problem
