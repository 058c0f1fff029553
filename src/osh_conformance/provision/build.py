"""Building recipes: under a lock, in a scratch folder that is renamed into the cache, with a log for each."""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import filelock

from osh_conformance import process
from osh_conformance.errors import SuiteError
from osh_conformance.folders import DOCKER_RUN
from osh_conformance.provision import indexes, prerequisites, pulled, pulls, unnamed
from osh_conformance.provision.docker import BUILDS, OUR_HOST
from osh_conformance.provision.recipes import bases
from osh_conformance.provision.scratch import MARK, scratch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from osh_conformance.folders import Folders
    from osh_conformance.progress import Progress
    from osh_conformance.provision.docker import Docker
    from osh_conformance.provision.recipes import Recipe, Recipes

#: A build may take this many times its minutes, plus `_EXTRA` seconds: a machine may be slow, but no step is endless.
_PATIENCE = 6
_EXTRA = 600.0
_LOAD = 600.0
_MIB = 1 << 20


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

    def versions(self, name: str) -> dict[str, str]:
        """Return the versions that a recipe's finished build noted in its file `versions`, by program; empty without.

        A line of the file is `NAME VERSION`.
        """
        noted = self.place(name) / "versions"
        lines = noted.read_text(encoding="utf-8").splitlines() if noted.is_file() else ()
        return {program: version for program, _, version in (line.partition(" ") for line in lines)}

    def tag(self, name: str) -> str:
        """Return the name of a recipe's image in Docker."""
        return f"{BUILDS}{name}:{self.recipes.key(name)}"

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
        """Return the names of the recipes to build before `recipe`: its needs, and bases that Docker cannot pull.

        Raises `SuiteError` for a base image that can neither be pulled nor built.
        """
        providers = (self._base_to_build(recipe, reference) for reference in bases(recipe).values())
        return tuple(dict.fromkeys((*recipe.needs, *(provider.name for provider in providers if provider))))

    def problems(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return why the missing recipes of `names` cannot be built on this machine, one line each; change nothing."""
        try:
            missing = self.missing(names)
        except SuiteError as error:
            return (error.message,)
        return self._lacking(missing)

    def provide(self, names: Iterable[str]) -> None:
        """Build the missing recipes of `names`; raises `SuiteError` with the log and how to repeat the step.

        Before the first build, it checks what all of them need, and raises `SuiteError` with all problems.
        """
        missing = self.missing(names)
        problems = self._lacking(missing)
        if problems:
            listed = ", ".join(recipe.name for recipe in missing)
            raise SuiteError(f"this machine cannot build {listed}", details="\n".join(problems))
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
            prerequisites.install_packages(recipe, self.progress, self.folders.logs)
            prerequisites.check_programs(recipe)
            with self.progress.step(f"{recipe.name}: {recipe.summary} (about {_minutes(recipe.minutes)})"):
                self._build(recipe, place)
        return place

    def _build(self, recipe: Recipe, place: Path) -> None:
        log = self.folders.logs / f"{place.name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_bytes(b"")
        with scratch(self.folders.work, place.name) as folder, self._tidied(recipe, folder):
            out = folder / "out"
            for part in ("out", "cwd", "tmp"):
                (folder / part).mkdir()
            env = {
                MARK: str(folder),
                **self._environment(recipe),
                "OUT": str(out),
                "TMPDIR": str(folder / "tmp"),
                "BUILD": unnamed.mark(self.folders, folder),
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

    @contextlib.contextmanager
    def _tidied(self, recipe: Recipe, folder: Path) -> Iterator[None]:
        """Leave nothing of a build in Docker but the image that it makes, and that only if it ends well."""
        done = False
        try:
            yield
            done = True
        finally:
            if self.docker and "docker" in recipe.programs:
                # An engine that answers no more must not hide why the build failed.
                with contextlib.suppress(SuiteError):
                    self._tidy(self.docker, recipe, folder, done=done)

    def _tidy(self, docker: Docker, recipe: Recipe, folder: Path, *, done: bool) -> None:
        build = unnamed.mark(self.folders, folder)
        if done and recipe.image:
            unnamed.clear(docker, build)
            unnamed.clear_superseded(docker, recipe.name, self.recipes.key(recipe.name))
            return
        if not done:
            unnamed.clear_interrupted(docker, build)
        # The containers first: an image cannot go before them.
        unnamed.clear(docker, build)
        unnamed.remove_names(docker, recipe.name, self.recipes.key(recipe.name))

    def _environment(self, recipe: Recipe) -> dict[str, str]:
        env = {
            "RECIPE": str(recipe.folder),
            "SHARED": str(self.recipes.shared),
            "KEY": self.recipes.key(recipe.name),
            "IMAGE": self.tag(recipe.name),
            **indexes.build_environment(),
            **recipe.env,
        }
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
        env |= {name: self._base(recipe, reference) for name, reference in bases(recipe).items()}
        env["BASES"] = " ".join(bases(recipe))
        return env

    def _base(self, recipe: Recipe, reference: str) -> str:
        provider = self._base_to_build(recipe, reference)
        if provider:
            return self.image(provider.name)
        docker = self._needed_docker(recipe.name)
        return reference if docker.has_image(reference) else self._pull(docker, reference)

    def _pull(self, docker: Docker, reference: str) -> str:
        try:
            with self.progress.step(f"pull {reference}"):
                pulls.pull(docker, reference)
        except pulls.PullError as error:
            provider = self.recipes.providing(reference)
            if provider is None or not error.unreachable:
                raise
            self.progress.say(f"  no registry answers for {reference}: the recipe `{provider.name}` makes a stand-in")
            return self.image(provider.name)
        pulled.note(self.folders, reference)
        return reference

    def _base_to_build(self, recipe: Recipe, reference: str) -> Recipe | None:
        """Return the recipe of a base image; None if Docker can pull it."""
        if self._is_published(reference):
            return None
        provider = self.recipes.providing(reference)
        if provider is None:
            raise SuiteError(
                f"recipe `{recipe.name}` builds on {reference}, which cannot be pulled, and no recipe in "
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

    def _lacking(self, missing: Sequence[Recipe]) -> tuple[str, ...]:
        return (*prerequisites.lacking(missing), *self._lacking_disk(missing))

    def _lacking_disk(self, missing: Iterable[Recipe]) -> tuple[str, ...]:
        needed = sum(recipe.disk_mib for recipe in missing) * _MIB
        free = free_bytes(self.folders.cache)
        if needed <= free:
            return ()
        problem = f"setup needs {gib(needed)} below {self.folders.cache}, but only {gib(free)} is free"
        return (f"{problem}: free some disk space, or set OSH_CONFORMANCE_CACHE to a folder on another disk",)


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


def _longest(recipe: Recipe) -> float:
    """Return the seconds after which a build is stopped."""
    return recipe.minutes * 60 * _PATIENCE + _EXTRA


def _minutes(value: float) -> str:
    return f"{value:g} min"
