"""Building recipes: under a lock, in a scratch folder that is renamed into the cache, with a log for each."""

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
from osh_conformance.folders import DOCKER_RUN
from osh_conformance.provision.docker import OUR_HOST
from osh_conformance.provision.scratch import MARK, scratch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from osh_conformance.folders import Folders
    from osh_conformance.progress import Progress
    from osh_conformance.provision.docker import Docker
    from osh_conformance.provision.recipes import Recipe, Recipes

#: A build may take this many times its minutes, plus `_EXTRA` seconds: a machine may be slow, but no step is endless.
_PATIENCE = 6
_EXTRA = 600.0
_APT = 900.0
_LOAD = 600.0
_PULL = 900.0
_MIB = 1 << 20
#: The script that keeps Debian packages from starting services; `gc` recognizes ours by its text.
POLICY = Path("/usr/sbin/policy-rc.d")


@dataclass(slots=True, kw_only=True)
class Builder:
    """Builds recipes into the cache. Recipes that create or use images need `docker`."""

    recipes: Recipes
    folders: Folders
    progress: Progress
    docker: Docker | None = None
    can_pull: Callable[[str], bool] | None = None
    """Whether Docker has a published image or can pull it. None: whether Docker has it."""
    _loaded: set[str] = field(default_factory=set)

    def place(self, name: str) -> Path:
        """Return the folder of a recipe's finished build, whether it exists or not."""
        return self.folders.builds / f"{name}-{self.recipes.key(name)}"

    def tag(self, name: str) -> str:
        """Return the name of a recipe's image in Docker."""
        return f"osh-conformance/{name}:{self.recipes.key(name)}"

    def missing(self, names: Iterable[str]) -> tuple[Recipe, ...]:
        """Return the recipes to build for `names`, in order. The needs of an existing build are not built again."""
        needed: list[str] = []
        todo = list(names)
        while todo:
            name = todo.pop()
            if name not in needed and not self.place(name).is_dir():
                needed.append(name)
                todo += self.requirements(self.recipes[name])
        return tuple(recipe for recipe in self.recipes.order(needed) if recipe.name in needed)

    def requirements(self, recipe: Recipe) -> tuple[str, ...]:
        """Return the names of the recipes that must be built before `recipe`: its needs, and its base if not pulled.

        Raises `SuiteError` for a base image that can neither be pulled nor built.
        """
        provider = self._base_to_build(recipe)
        return recipe.needs + ((provider.name,) if provider and provider.name not in recipe.needs else ())

    def provide(self, names: Iterable[str]) -> None:
        """Build the missing recipes of `names`; raises `SuiteError` with the log and how to repeat the step."""
        missing = self.missing(names)
        self._check_disk(missing)
        for recipe in missing:
            self.build(recipe)

    def image(self, name: str) -> str:
        """Build a recipe's image if it is missing, load it into Docker, and return its name there."""
        self.provide([name])
        self._load(name)
        return self.tag(name)

    def build(self, recipe: Recipe) -> Path:
        """Build one recipe, whose needs are built already; return its folder in the cache."""
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
                script = ("sh", recipe.folder / "build.sh")
                command = process.Command(argv=script, env=env, cwd=folder / "cwd", log=log)
                process.run(command, deadline=_longest(recipe))
                _check_files(recipe, out)
            except SuiteError as error:
                raise self._failed(recipe, log, error) from error
            self.folders.builds.mkdir(parents=True, exist_ok=True)
            out.rename(place)

    def _environment(self, recipe: Recipe) -> dict[str, str]:
        env = {"RECIPE": str(recipe.folder), "KEY": self.recipes.key(recipe.name), **recipe.env}
        # A build must not reach the user's cluster.
        env["KUBECONFIG"] = os.devnull
        # A recipe pins its own versions, so a developer's constraints must not apply.
        env["PIP_CONSTRAINT"] = ""
        for need in recipe.needs:
            name = "NEED_" + need.upper().replace("-", "_")
            env[name] = str(self.place(need))
            if self.recipes[need].image:
                env[f"{name}_IMAGE"] = self.image(need)
        if self.docker:
            env |= self.docker.env
        if recipe.image and recipe.image.base:
            env["BASE_IMAGE"] = self._base(recipe, recipe.image.base)
        return env

    def _base(self, recipe: Recipe, reference: str) -> str:
        provider = self._base_to_build(recipe)
        if provider:
            return self.image(provider.name)
        docker = self._needed_docker(recipe.name)
        if not docker.has_image(reference):
            docker.run("pull", "--quiet", reference, deadline=_PULL)
        return reference

    def _base_to_build(self, recipe: Recipe) -> Recipe | None:
        """Return the recipe of a base image; None if there is no base, or Docker can pull it."""
        if recipe.image is None or recipe.image.base is None or self._is_published(recipe.image.base):
            return None
        provider = self.recipes.base_recipe(recipe)
        if provider is None:
            raise SuiteError(
                f"recipe `{recipe.name}` builds on {recipe.image.base}, which cannot be pulled, and no recipe in "
                f"{self.recipes.root} makes it",
                expected="a reachable container registry, or a recipe with this reference",
            )
        return provider

    def _is_published(self, reference: str) -> bool:
        if self.can_pull is not None:
            return self.can_pull(reference)
        return self.docker is not None and self.docker.has_image(reference)

    def _load(self, name: str) -> None:
        if name in self._loaded:
            return
        docker, tag = self._needed_docker(name), self.tag(name)
        if not docker.has_image(tag):
            with self.progress.step(f"{name}: load the image into Docker"):
                docker.run("load", "--quiet", "--input", self.place(name) / "image.tar", deadline=_LOAD)
            if not docker.has_image(tag):
                raise SuiteError(
                    f"{self.place(name)}/image.tar contains no image {tag}",
                    fix=f"make {self.recipes[name].folder}/build.sh save the image under this name",
                )
        self._loaded.add(name)

    def _needed_docker(self, name: str) -> Docker:
        if self.docker is None:
            raise SuiteError(f"recipe `{name}` builds an image, but there is no Docker Engine")
        return self.docker

    def _failed(self, recipe: Recipe, log: Path, error: SuiteError) -> SuiteError:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
        return SuiteError(
            f"setup failed to build `{recipe.name}`: {error.message}; the log is {log}",
            fix=f"read the log, then repeat this step: osh-conformance setup --only {recipe.name}",
            details=tail or error.details,
        )

    @contextlib.contextmanager
    def _locked(self, recipe: Recipe) -> Iterator[None]:
        self.folders.locks.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(self.folders.locks / f"{recipe.name}.lock")
        patience = _longest(recipe)
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            self.progress.say(f"  {recipe.name}: waiting for another run that builds it")
            try:
                lock.acquire(timeout=patience)
            except filelock.Timeout:
                raise SuiteError(
                    f"another run has held {lock.lock_file} for {patience / 60:.0f} minutes",
                    fix="stop that run, then run: osh-conformance gc",
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
                f"recipe `{recipe.name}` needs {', '.join(missing)}, but PATH has no such program",
                expected=f"{', '.join(missing)} on PATH",
                fix=f"install it, then run: osh-conformance setup --only {recipe.name}",
            )

    def _check_disk(self, missing: Iterable[Recipe]) -> None:
        needed = sum(recipe.disk_mib for recipe in missing) * _MIB
        free = free_bytes(self.folders.cache)
        if needed > free:
            raise SuiteError(
                f"setup needs {gib(needed)} below {self.folders.cache}, but only {gib(free)} is free",
                fix="free some disk space, or set OSH_CONFORMANCE_CACHE to a folder on another disk",
            )


def policy_text(logs: Path) -> str:
    """Return the script that keeps packages from starting services while `setup` installs them."""
    return f"#!/bin/sh\n# osh-conformance, which installs packages: {logs}\nexit 101\n"


def install_packages(recipe: Recipe, progress: Progress, logs: Path) -> None:
    """Install a recipe's missing Debian packages; raises `SuiteError` if this user is not root."""
    missing = [name for name in recipe.packages if not _is_installed(name)]
    if not missing:
        return
    names = " ".join(missing)
    if os.geteuid() != 0:
        raise SuiteError(
            f"recipe `{recipe.name}` needs the Debian packages {names}, but only root can install packages",
            fix=f"as root: apt-get install {names}",
        )
    apt = which("apt-get")
    if apt is None:
        raise SuiteError(f"recipe `{recipe.name}` needs the Debian packages {names}, but this machine has no apt-get")
    logs.mkdir(parents=True, exist_ok=True)
    log = logs / f"apt-{recipe.name}.log"
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    with progress.step(f"{recipe.name}: install the Debian packages {names}"), _no_services(logs):
        try:
            for argv in (
                ("update", "--quiet"),
                ("install", "--yes", "--quiet", "--no-install-recommends", *missing),
            ):
                process.run(process.Command(argv=(apt, *argv), env=quiet, log=log), deadline=_APT)
        except SuiteError as error:
            raise SuiteError(
                f"apt-get did not install the Debian packages {names}; the log is {log}",
                fix=f"apt-get install {names}",
                details=error.details or "\n".join(log.read_text(errors="replace").splitlines()[-20:]),
            ) from error


@contextlib.contextmanager
def _no_services(logs: Path) -> Iterator[None]:
    """Start no service while installing: our Docker Engine runs beside the one that the package would start."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text(policy_text(logs))
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)


def start_docker(builder: Builder) -> None:
    """Start the Docker Engine of the recipe `engine` unless it runs; raises `SuiteError` with the end of its log."""
    folders = builder.folders
    log = folders.logs / "engine-start.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_bytes(b"")
    # The engine outlives this process, so it must not carry a mark by which `gc` would take it for a leftover.
    env = {MARK: "", "OSH_CONFORMANCE_RUN": "", "DOCKER_HOST": OUR_HOST}
    argv = ("sh", builder.place("engine") / "start.sh", folders.docker, DOCKER_RUN)
    process.run(process.Command(argv=argv, env=env, log=log), deadline=120)


def which(program: str) -> Path | None:
    """Return a program on PATH, or in a folder that only root's PATH usually has; None if there is none."""
    places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"])
    found = shutil.which(program, path=places)
    return Path(found) if found else None


def free_bytes(folder: Path) -> int:
    """Return the free bytes on the disk of `folder`, which need not exist."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def gib(size: float) -> str:
    """Return a size in bytes as text in GiB."""
    return f"{size / (1 << 30):.1f} GiB"


def _check_files(recipe: Recipe, out: Path) -> None:
    missing = [name for name in recipe.files if not (out / name).exists()]
    if missing:
        raise SuiteError(f"its build.sh ended with exit code 0, but did not create {', '.join(missing)}")


def _is_installed(package: str) -> bool:
    if which("dpkg-query") is None:
        return False
    outcome = process.run(
        ["dpkg-query", "--show", "--showformat", "${db:Status-Status}", package], deadline=30, check=False
    )
    return outcome.stdout.strip() == "installed"


def _longest(recipe: Recipe) -> float:
    """Return the seconds after which a build is stopped."""
    return recipe.minutes * 60 * _PATIENCE + _EXTRA


def _minutes(value: float) -> str:
    return f"{value:g} min"
