"""Calls of the program with separate state folders, for the kills and the live tests."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def state_of(home: Path) -> Mapping[str, str]:
    """Return the environment variables that give a call the state and the temporary files of `home`."""
    return {"XDG_STATE_HOME": str(home / "state"), "TMPDIR": str(home / "tmp")}


def mark_of(home: Path) -> str:
    """Return the variable that only the processes of `home`'s calls have in their environment."""
    return f"XDG_STATE_HOME={state_of(home)['XDG_STATE_HOME']}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call of the program. Its output goes to a file, so that no pipe must be read."""

    words: tuple[str, ...]
    folder: Path
    child: subprocess.Popen[bytes]
    started: float

    @classmethod
    def start(cls, home: Path, verb: str, *words: str | Path, cwd: Path, env: Mapping[str, str]) -> Self:
        """Start `osh-conformance VERB WORDS` in a new session; `live` writes all its reports.

        `home` has the folders `calls`, `state` and `tmp`. `env` is added to this process's environment and `state_of`.
        """
        folder = home / "calls" / f"{len(list((home / 'calls').iterdir())):03}"
        folder.mkdir()
        reports = ["--json", folder / "report.json", "--junit", folder / "report.xml"]
        output = [*reports, "--artifacts", folder / "artifacts"] if verb == "live" else []
        with (folder / "printed.txt").open("wb") as sink:
            child = subprocess.Popen(
                [str(word) for word in (sys.executable, "-m", "osh_conformance", verb, *words, *output)],
                cwd=cwd,
                env={**os.environ, **state_of(home), **env},
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return cls(
            words=tuple(str(word) for word in (verb, *words)), folder=folder, child=child, started=time.monotonic()
        )

    @property
    def printed(self) -> str:
        """The output so far."""
        return (self.folder / "printed.txt").read_text(errors="replace")

    @property
    def seconds(self) -> float:
        """Seconds since its start."""
        return time.monotonic() - self.started

    def has_ended(self, within: float) -> bool:
        """Wait at most `within` seconds; return whether it has ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.child.wait(max(0.0, within))
        return self.child.poll() is not None
