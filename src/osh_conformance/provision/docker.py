"""The Docker engine: is there one that answers, and a few words with it."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from osh_conformance import process
from osh_conformance.errors import SuiteError
from osh_conformance.folders import ENGINE_RUN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Where the engine listens that the suite provides on a machine that has none.
OUR_HOST = f"unix://{ENGINE_RUN}/docker.sock"
_PROBE = 10.0
_QUICK = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Docker:
    """A Docker client program and the engine it talks to. `host` None: the client's own default."""

    docker: Path
    host: str | None

    @property
    def env(self) -> Mapping[str, str]:
        """What every program that talks to the engine needs in its environment."""
        return {"DOCKER_HOST": self.host} if self.host else {}

    @property
    def ours(self) -> bool:
        """Whether the suite provided this engine."""
        return self.host == OUR_HOST

    def run(
        self, *words: str | Path, deadline: float = _QUICK, check: bool = True, log: Path | None = None
    ) -> process.Outcome:
        """Run `docker WORDS`; raises as `process.run` does."""
        return process.run([self.docker, *words], deadline=deadline, env=self.env, check=check, log=log)

    def lines(self, *words: str) -> Sequence[str]:
        """The lines that `docker WORDS` prints, without empty ones."""
        return [line for line in self.run(*words).stdout.splitlines() if line.strip()]

    def version(self) -> str:
        """The engine's version; raises `SuiteError` with the client's answer if it cannot be reached."""
        outcome = self.run("version", "--format", "{{.Server.Version}}", deadline=_PROBE, check=False)
        if not outcome.ok or not outcome.stdout.strip():
            raise SuiteError(
                f"no Docker engine answers at {self.host or 'the default of the docker program'}", details=outcome.tail
            )
        return outcome.stdout.strip()

    def has_image(self, reference: str) -> bool:
        """Whether the engine holds an image by this name."""
        return self.run("image", "inspect", "--format", "{{.Id}}", reference, check=False).ok


def named_host() -> str:
    """The engine that the user names by `DOCKER_HOST`, unless it is ours; empty if none."""
    named = os.environ.get("DOCKER_HOST", "")
    return "" if named == OUR_HOST else named


def candidates() -> Sequence[Docker]:
    """The engines to try, in this order: the one the user names, else the default one, then ours."""
    found = shutil.which("docker")
    if found is None:
        return ()
    docker = Path(found)
    if named := named_host():
        return (Docker(docker=docker, host=named),)
    default = Docker(docker=docker, host=None)
    ours = Docker(docker=docker, host=OUR_HOST)
    # Ours is root's alone.
    can_be_ours = os.access(ENGINE_RUN, os.X_OK) and (ENGINE_RUN / "docker.sock").exists()
    return (default, ours) if can_be_ours else (default,)
