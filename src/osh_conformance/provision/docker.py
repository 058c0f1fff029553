"""Docker: which engine answers, and its commands."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from osh_conformance import process
from osh_conformance.errors import SuiteError
from osh_conformance.folders import DOCKER_RUN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: The address of the Docker Engine that `setup` provides on a machine without one.
OUR_HOST = f"unix://{DOCKER_RUN}/docker.sock"
_PROBE = 10.0
_QUICK = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Docker:
    """The docker program, and the address of the engine it talks to. `host` None: the program's own default."""

    program: Path
    host: str | None

    @property
    def env(self) -> Mapping[str, str]:
        """The environment variables for every program that talks to this engine."""
        return {"DOCKER_HOST": self.host} if self.host else {}

    @property
    def ours(self) -> bool:
        """Whether `setup` provided this engine."""
        return self.host == OUR_HOST

    def run(
        self, *argv: str | Path, deadline: float = _QUICK, check: bool = True, log: Path | None = None
    ) -> process.Outcome:
        """Run `docker ARGV`; raises as `process.run` does."""
        command = process.Command(argv=(self.program, *argv), env=self.env, log=log)
        return process.run(command, deadline=deadline, check=check)

    def lines(self, *argv: str) -> Sequence[str]:
        """Run `docker ARGV` and return the lines it prints, without empty ones."""
        return [line for line in self.run(*argv).stdout.splitlines() if line.strip()]

    def version(self) -> str:
        """Return the engine's version; raises `SuiteError` with the program's message if the engine does not answer."""
        outcome = self.run("version", "--format", "{{.Server.Version}}", deadline=_PROBE, check=False)
        if not outcome.ok or not outcome.stdout.strip():
            raise SuiteError(
                f"no Docker Engine answers at {self.host or 'the default of the docker program'}", details=outcome.tail
            )
        return outcome.stdout.strip()

    def has_image(self, reference: str) -> bool:
        """Whether the engine has an image of this name."""
        return self.run("image", "inspect", "--format", "{{.Id}}", reference, check=False).ok


def named_host() -> str:
    """Return the address in `DOCKER_HOST`; "" if it is unset, or is the address of our own engine."""
    named = os.environ.get("DOCKER_HOST", "")
    return "" if named == OUR_HOST else named


def candidates() -> Sequence[Docker]:
    """Return the engines to try, in order: the one in `DOCKER_HOST` alone, or else the default one, then ours."""
    found = shutil.which("docker")
    if found is None:
        return ()
    program = Path(found)
    if named := named_host():
        return (Docker(program=program, host=named),)
    default = Docker(program=program, host=None)
    ours = Docker(program=program, host=OUR_HOST)
    # Only root can use ours.
    can_be_ours = os.access(DOCKER_RUN, os.X_OK) and (DOCKER_RUN / "docker.sock").exists()
    return (default, ours) if can_be_ours else (default,)
