"""Building recipes: locked, in a scratch folder, put in place by one rename, with a log and a line a step."""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import filelock

from osh_conformance import process
from osh_conformance.errors import SuiteError
from osh_conformance.folders import ENGINE_RUN
from osh_conformance.provision.docker import OUR_HOST
from osh_conformance.provision.scratch import MARK, scratch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from osh_conformance.folders import Folders
    from osh_conformance.progress import Progress
    from osh_conformance.provision.docker import Docker
    from osh_conformance.provision.recipes import Recipe, Recipes

#: A build may take this many times its minutes, plus ten: a slow machine is no error, an endless step is one.
_PATIENCE = 6
_EXTRA = 600.0
_APT = 900.0
_LOAD = 600.0
_PULL = 900.0
_MIB = 1 << 20
#: What keeps Debian packages from starting services, and how `gc` knows ours again.
POLICY = Path("/usr/sbin/policy-rc.d")


@dataclass(slots=True, kw_only=True)
class Builder:
    """Builds recipes of one book into the cache. `engine` is needed by those that make or use images."""

    book: Recipes
    folders: Folders
    progress: Progress
    engine: Docker | None = None
    _loaded: set[str] = field(default_factory=set)

    def place(self, name: str) -> Path:
        """Where the finished build of a recipe lies, whether it exists or not."""
        return self.folders.builds / f"{name}-{self.book.key(name)}"

    def tag(self, name: str) -> str:
        """The name that a recipe's image has in the engine."""
        return f"osh-conformance/{name}:{self.book.key(name)}"

    def missing(self, names: Iterable[str]) -> tuple[Recipe, ...]:
        """What would be built for `names`, in order. What only an existing build needed is not built again."""
        needed: list[str] = []
        todo = list(names)
        while todo:
            name = todo.pop()
            if name not in needed and not self.place(name).is_dir():
                needed.append(name)
                todo += self.book.requirements(self.book[name])
        return tuple(recipe for recipe in self.book.order(needed) if recipe.name in needed)

    def provide(self, names: Iterable[str]) -> None:
        """Build what is missing for `names`; raises `SuiteError` that names the log and how to repeat the step."""
        missing = self.missing(names)
        self._check_disk(missing)
        for recipe in missing:
            self.build(recipe)

    def image(self, name: str) -> str:
        """Build a recipe's image if need be, see that the engine has it, and return its name there."""
        self.provide([name])
        self._load(name)
        return self.tag(name)

    def build(self, recipe: Recipe) -> Path:
        """Build one recipe whose needs are built; return its folder in the cache."""
        place = self.place(recipe.name)
        with self._locked(recipe):
            if place.is_dir():
                return place
            self._check_programs(recipe)
            with self.progress.step(f"{recipe.name}: {recipe.summary} (about {_minutes(recipe.minutes)})"):
                self._build(recipe, place)
        return place

    def _build(self, recipe: Recipe, place: Path) -> None:
        log = self.folders.logs / f"{place.name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_bytes(b"")
        with scratch(self.folders.work, place.name) as folder:
            out = folder / "out"
            for part in ("out", "cwd", "tmp"):
                (folder / part).mkdir()
            env = {
                MARK: str(folder),
                **self._environment(recipe),
                "OUT": str(out),
                "TMPDIR": str(folder / "tmp"),
            }
            try:
                process.run(
                    ["sh", recipe.folder / "build.sh"],
                    deadline=recipe.minutes * 60 * _PATIENCE + _EXTRA,
                    env=env,
                    cwd=folder / "cwd",
                    log=log,
                )
                _check_files(recipe, out)
            except SuiteError as error:
                raise self._failed(recipe, log, error) from error
            self.folders.builds.mkdir(parents=True, exist_ok=True)
            out.rename(place)

    def _environment(self, recipe: Recipe) -> dict[str, str]:
        env = {"RECIPE": str(recipe.folder), "KEY": self.book.key(recipe.name), **recipe.env}
        # Ambient coordinates of somebody's cluster have no place in a build.
        env["KUBECONFIG"] = os.devnull
        # Neither have the versions that a developer's environment holds itself to: a recipe pins its own.
        env["PIP_CONSTRAINT"] = ""
        for need in recipe.needs:
            name = "NEED_" + need.upper().replace("-", "_")
            env[name] = str(self.place(need))
            if self.book[need].image:
                env[f"{name}_IMAGE"] = self.image(need)
        if self.engine:
            env |= self.engine.env
        if recipe.image and recipe.image.base:
            env["BASE_IMAGE"] = self._base(recipe, recipe.image.base)
        return env

    def _base(self, recipe: Recipe, reference: str) -> str:
        provider = self.book.base_recipe(recipe)
        if provider:
            return self.image(provider.name)
        engine = self._needed_engine(recipe.name)
        if not engine.has_image(reference):
            engine.run("pull", "--quiet", reference, deadline=_PULL)
        return reference

    def _load(self, name: str) -> None:
        if name in self._loaded:
            return
        engine, tag = self._needed_engine(name), self.tag(name)
        if not engine.has_image(tag):
            with self.progress.step(f"{name}: load the image into the engine"):
                engine.run("load", "--quiet", "--input", self.place(name) / "image.tar", deadline=_LOAD)
            if not engine.has_image(tag):
                raise SuiteError(
                    f"{self.place(name)}/image.tar holds no image called {tag}",
                    fix=f"mend {self.book[name].folder}/build.sh, which makes it",
                )
        self._loaded.add(name)

    def _needed_engine(self, name: str) -> Docker:
        if self.engine is None:
            raise SuiteError(f"recipe `{name}` makes an image, and there is no Docker engine")
        return self.engine

    def _failed(self, recipe: Recipe, log: Path, error: SuiteError) -> SuiteError:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
        return SuiteError(
            f"the step `{recipe.name}` of the set-up failed: {error.message}; its log is {log}",
            fix=f"see the log; to repeat this step alone: osh-conformance setup --only {recipe.name}",
            details=tail or error.details,
        )

    @contextlib.contextmanager
    def _locked(self, recipe: Recipe) -> Iterator[None]:
        self.folders.locks.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(self.folders.locks / f"{recipe.name}.lock")
        patience = recipe.minutes * 60 * _PATIENCE + _EXTRA
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            self.progress.say(f"  {recipe.name}: waiting for another run, which builds it")
            try:
                lock.acquire(timeout=patience)
            except filelock.Timeout:
                raise SuiteError(
                    f"another run has held {lock.lock_file} for {patience / 60:.0f} minutes",
                    fix="end that run, then: osh-conformance gc",
                ) from None
        try:
            yield
        finally:
            lock.release()

    def _check_programs(self, recipe: Recipe) -> None:
        install_packages(recipe, self.progress, self.folders.logs)
        missing = [program for program in recipe.programs if which(program) is None]
        if missing:
            raise SuiteError(
                f"recipe `{recipe.name}` needs {', '.join(missing)}, which is not on PATH",
                expected=f"{', '.join(missing)} on PATH",
                fix=f"install it, then: osh-conformance setup --only {recipe.name}",
            )

    def _check_disk(self, missing: Iterable[Recipe]) -> None:
        needed = sum(recipe.disk_mib for recipe in missing) * _MIB
        free = free_bytes(self.folders.cache)
        if needed > free:
            raise SuiteError(
                f"the set-up needs {gib(needed)} below {self.folders.cache}, and {gib(free)} is free",
                fix="make room, or name another place: OSH_CONFORMANCE_CACHE=/path",
            )


def policy_text(logs: Path) -> str:
    """What keeps packages from starting services, while the set-up with these logs installs them."""
    return f"#!/bin/sh\n# osh-conformance, which installs packages: {logs}\nexit 101\n"


def install_packages(recipe: Recipe, progress: Progress, logs: Path) -> None:
    """Install the Debian packages of a recipe that are missing; raises `SuiteError` where that takes root."""
    missing = [name for name in recipe.packages if not _is_installed(name)]
    if not missing:
        return
    names = " ".join(missing)
    if os.geteuid() != 0:
        raise SuiteError(
            f"recipe `{recipe.name}` needs the Debian packages {names}, and only root can install them",
            fix=f"as root: apt-get install {names}",
        )
    apt = which("apt-get")
    if apt is None:
        raise SuiteError(f"recipe `{recipe.name}` needs the Debian packages {names}, and this machine has no apt-get")
    logs.mkdir(parents=True, exist_ok=True)
    log = logs / f"apt-{recipe.name}.log"
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    with progress.step(f"{recipe.name}: install the Debian packages {names}"), _no_services(logs):
        try:
            process.run([apt, "update", "--quiet"], deadline=_APT, env=quiet, log=log)
            process.run(
                [apt, "install", "--yes", "--quiet", "--no-install-recommends", *missing],
                deadline=_APT,
                env=quiet,
                log=log,
            )
        except SuiteError as error:
            raise SuiteError(
                f"the Debian packages {names} could not be installed; the log is {log}",
                fix=f"apt-get install {names}",
                details=error.details or "\n".join(log.read_text(errors="replace").splitlines()[-20:]),
            ) from error


@contextlib.contextmanager
def _no_services(logs: Path) -> Iterator[None]:
    """While installing, start no service: an engine of ours runs apart from any that the package would start."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text(policy_text(logs))
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)


def start_engine(workshop: Builder) -> None:
    """Start the engine of the recipe `engine` unless it runs; raises `SuiteError` with its last words."""
    folders = workshop.folders
    log = folders.logs / "engine-start.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_bytes(b"")
    # It outlives whoever starts it: no mark by which `gc` would take it for a leftover.
    process.run(
        ["sh", workshop.place("engine") / "start.sh", folders.engine, ENGINE_RUN],
        deadline=120,
        env={MARK: "", "OSH_CONFORMANCE_RUN": "", "DOCKER_HOST": OUR_HOST},
        log=log,
    )


def which(program: str) -> Path | None:
    """A program on PATH, or where a root's shell would find it though this user's PATH lacks it."""
    places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"])
    found = shutil.which(program, path=places)
    return Path(found) if found else None


def free_bytes(folder: Path) -> int:
    """Free bytes where `folder` is or would be."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def gib(size: float) -> str:
    """A size for people."""
    return f"{size / (1 << 30):.1f} GiB"


def _check_files(recipe: Recipe, out: Path) -> None:
    missing = [name for name in recipe.files if not (out / name).exists()]
    if missing:
        raise SuiteError(f"its build.sh ended well and left no {', '.join(missing)}")


def _is_installed(package: str) -> bool:
    if which("dpkg-query") is None:
        return False
    outcome = process.run(
        ["dpkg-query", "--show", "--showformat", "${db:Status-Status}", package], deadline=30, check=False
    )
    return outcome.stdout.strip() == "installed"


def _minutes(value: float) -> str:
    return f"{value:g} min"
