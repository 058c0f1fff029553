"""What recipes need of this machine: programs and Debian packages."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from osh_conformance import process
from osh_conformance.errors import SuiteError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from osh_conformance.progress import Progress
    from osh_conformance.provision.recipes import Recipe

_APT = 900.0
#: The script that keeps Debian packages from starting services; `gc` recognizes ours by its text.
POLICY = Path("/usr/sbin/policy-rc.d")
#: The programs that a package of one recipe gives to the others.
_FROM_PACKAGES = {"docker": "docker.io"}


def lacking(recipes: Iterable[Recipe]) -> tuple[str, ...]:
    """Return what these recipes need and this machine cannot get, one line for each recipe and kind."""
    recipes = tuple(recipes)
    coming = {package for recipe in recipes for package in recipe.packages}
    return tuple(line for recipe in recipes for line in (*_packages(recipe), *_programs(recipe, coming)))


def check_programs(recipe: Recipe) -> None:
    """Raise `SuiteError` if PATH lacks a program of this recipe."""
    missing = [program for program in recipe.programs if which(program) is None]
    if missing:
        raise SuiteError(
            f"recipe `{recipe.name}` needs {', '.join(missing)}, but PATH has no such program",
            expected=f"{', '.join(missing)} on PATH",
            fix=f"install it, then run: osh-conformance setup --only {recipe.name}",
        )


def _programs(recipe: Recipe, coming: set[str]) -> Iterator[str]:
    missing = [
        program
        for program in recipe.programs
        if which(program) is None and _FROM_PACKAGES.get(program, "") not in coming
    ]
    if missing:
        yield f"recipe `{recipe.name}` needs {', '.join(missing)}, but PATH has no such program"


def _packages(recipe: Recipe) -> Iterator[str]:
    missing = " ".join(_missing_packages(recipe))
    if missing and os.geteuid() != 0:
        yield (
            f"recipe `{recipe.name}` needs the Debian packages {missing}, but only root can install packages; as root: "
            f"apt-get install {missing}"
        )
    elif missing and which("apt-get") is None:
        yield f"recipe `{recipe.name}` needs the Debian packages {missing}, but this machine has no apt-get"


def _missing_packages(recipe: Recipe) -> list[str]:
    installed = _installed(recipe.packages) if recipe.packages else set()
    return [name for name in recipe.packages if name not in installed]


def policy_text(logs: Path) -> str:
    """Return the script that keeps packages from starting services while `setup` installs them."""
    return f"#!/bin/sh\n# osh-conformance, which installs packages: {logs}\nexit 101\n"


def install_packages(recipe: Recipe, progress: Progress, logs: Path) -> None:
    """Install a recipe's missing Debian packages; raises `SuiteError` if this user is not root."""
    missing = _missing_packages(recipe)
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


def which(program: str) -> Path | None:
    """Return a program on PATH, or in a folder that only root's PATH usually has; None if there is none."""
    places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"])
    found = shutil.which(program, path=places)
    return Path(found) if found else None


def _installed(packages: Iterable[str]) -> set[str]:
    if which("dpkg-query") is None:
        return set()
    words = ("dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Status}\n", *packages)
    # A package that it never heard of makes the exit code 1.
    listed = process.run(words, deadline=30, check=False).stdout.splitlines()
    return {line.removesuffix(" installed") for line in listed if line.endswith(" installed")}
