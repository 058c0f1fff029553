"""Commands as the plain user."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ci.world import box, layout
from ci.world.layout import UID, USER
from osh_conformance import process

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ci.world.layout import World

_PATH = "/usr/local/bin:/usr/bin:/bin"
#: How this machine reaches package indexes: pip's own settings, and nothing that tells other programs whom to trust.
_PIP = ("CERT", "CLIENT_CERT", "DEFAULT_TIMEOUT", "EXTRA_INDEX_URL", "FIND_LINKS", "INDEX_URL", "PROXY", "TRUSTED_HOST")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainUser:
    """The plain user of a world, and what is special about the user in a row."""

    world: World
    environment: Mapping[str, str] = field(default_factory=dict)
    #: The programs on PATH beside the system's; None: all of them.
    programs: tuple[str, ...] | None = None
    #: Whether the user may use Docker.
    docker_group: bool = True
    #: Folders that come first on PATH.
    path: tuple[str, ...] = ()

    def argv(self, script: str, folder: str = "") -> list[str]:
        """Return the command that runs a shell script as this user, in a folder below HOME."""
        groups = ("--init-groups",) if self.docker_group else ("--clear-groups",)
        become = ("setpriv", "--reuid", str(UID), "--regid", str(UID), *groups, "--")
        variables = {
            "PATH": self._path(),
            "HOME": str(layout.HOME),
            "USER": USER,
            "LOGNAME": USER,
            "LANG": "C.UTF-8",
            "TERM": "dumb",
            layout.MARK: self.world.identity,
            **{f"PIP_{name}": os.environ[f"PIP_{name}"] for name in _PIP if f"PIP_{name}" in os.environ},
            **self.environment,
        }
        clean = ("env", "-i", *(f"{name}={value}" for name, value in variables.items()))
        there = shlex.quote(str(layout.HOME / folder))
        return box.entered(self.world, [*become, *clean, "bash", "-c", f"cd {there} && {script}"])

    def run(
        self, script: str, *, folder: str = "", deadline: float = 600.0, log: Path | None = None
    ) -> process.Outcome:
        """Run a shell script as this user; both streams go to `log` if there is one."""
        command = process.Command(argv=self.argv(script, folder), log=log)
        return process.run(command, deadline=deadline, check=False)

    def _path(self) -> str:
        if self.programs is None:
            return ":".join((*self.path, _PATH))
        own = self.world.home / ".programs" / ("-".join(self.programs) or "none")
        own.mkdir(parents=True, exist_ok=True)
        for name in self.programs:
            if not (own / name).is_symlink():
                (own / name).symlink_to(f"/usr/local/bin/{name}")
        return ":".join((*self.path, str(layout.HOME / own.relative_to(self.world.home)), "/usr/bin:/bin"))
