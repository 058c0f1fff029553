"""Call the program with a separate state folder, for the kills and the live tests."""

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
    """Return the environment that separates a call from all others: state and temporary files in `home`."""
    return {"XDG_STATE_HOME": str(home / "state"), "TMPDIR": str(home / "tmp")}


def mark_of(home: Path) -> str:
    """Return the environment entry of all processes of the calls of `home`, and of no others."""
    return f"XDG_STATE_HOME={state_of(home)['XDG_STATE_HOME']}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call of the program. Its output goes to a file, so no pipe has to be read."""

    words: tuple[str, ...]
    folder: Path
    child: subprocess.Popen[bytes]
    started: float

    @classmethod
    def begun(cls, home: Path, verb: str, *words: str | Path, cwd: Path, env: Mapping[str, str]) -> Self:
        """Start `osh-conformance VERB WORDS` in a separate process session; `live` writes all its reports.

        `home` contains the folders `calls`, `state` and `tmp`. `env` extends our environment and `state_of`.
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
        argv = tuple(str(word) for word in (verb, *words))
        return cls(words=argv, folder=folder, child=child, started=time.monotonic())

    @property
    def printed(self) -> str:
        """The output so far."""
        return (self.folder / "printed.txt").read_text(errors="replace")

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    def has_ended(self, within: float) -> bool:
        """Wait at most `within` seconds; return whether the call has ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.child.wait(max(0.0, within))
        return self.child.poll() is not None
