"""The program, in a state of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ci.kills.processes import carriers, kill, kill_session
from osh_conformance.errors import SuiteError
from osh_conformance.provision import runs
from osh_conformance.provision.folders import Folders, default_folders

if TYPE_CHECKING:
    from collections.abc import Iterator

    from osh_conformance.provision.engine import Engine

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 900.0
COLLECT = 300.0
#: The parts of the cache that a run writes.
WRITTEN = ("renderings", "work")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call of the program. Its output grows in a file, so that nobody has to read a pipe."""

    child: subprocess.Popen[bytes]
    file: Path
    started: float

    @property
    def printed(self) -> str:
        """What it has printed so far."""
        return self.file.read_text(errors="replace")

    @property
    def seconds(self) -> float:
        """How long ago it was started."""
        return time.monotonic() - self.started

    def ended(self, within: float) -> bool:
        """Whether it ends by itself `within` seconds from now."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.child.wait(max(0.0, within))
        return self.child.poll() is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """HOME, cache, state, TMPDIR and working folder of one user of the program."""

    folder: Path

    @classmethod
    def made(cls, folder: Path) -> Home:
        """A new one."""
        for name in ("cache", "calls", "state", "tmp", "user", "work"):
            (folder / name).mkdir(parents=True)
        for path in default_folders().cache.iterdir():
            if path.name not in WRITTEN:
                (folder / "cache" / path.name).symlink_to(path)
        return cls(folder=folder)

    @property
    def folders(self) -> Folders:
        """As the program sees them: what was built for this user, and nothing that was rendered."""
        return Folders(cache=self.folder / "cache", state=self.folder / "state" / "osh-conformance")

    @property
    def mark(self) -> str:
        """By it all processes of this home are known."""
        return f"XDG_STATE_HOME={self.folder / 'state'}"

    @contextlib.contextmanager
    def started(self, verb: str, *words: str | Path) -> Iterator[Call]:
        """`osh-conformance VERB WORDS` in a session of its own; nothing of it lives when the body ends."""
        folder = self.folder / "calls" / f"{len(list((self.folder / 'calls').iterdir())):03}"
        folder.mkdir()
        # Each run renders its chart, as a first one does.
        shutil.rmtree(self.folders.cache / "renderings", ignore_errors=True)
        output = ["--json", folder / "report.json", "--artifacts", folder / "artifacts"] if verb == "live" else []
        name, _, value = self.mark.partition("=")
        own = {
            name: value,
            "HOME": str(self.folder / "user"),
            "TMPDIR": str(self.folder / "tmp"),
            "DOCKER_CONFIG": os.environ.get("DOCKER_CONFIG", str(Path.home() / ".docker")),
            "OSH_CONFORMANCE_CACHE": str(self.folders.cache),
            "OSH_CONFORMANCE_RECIPES": str(ROOT / "ci"),
        }
        with (folder / "printed.txt").open("wb") as sink:
            child = subprocess.Popen(
                [str(word) for word in (sys.executable, "-m", "osh_conformance", verb, *words, *output)],
                cwd=self.folder / "work",
                env={**os.environ, **own},
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield Call(child=child, file=folder / "printed.txt", started=time.monotonic())
        finally:
            if child.poll() is None:
                kill_session(child, self.mark)

    def run(self, verb: str, *words: str | Path, within: float) -> tuple[int, str, float]:
        """The same, to its end: exit code, what was printed, seconds. Raises `SuiteError` where there is none."""
        with self.started(verb, *words) as call:
            if not call.ended(within):
                raise SuiteError(f"`osh-conformance {verb}` did not end within {within:g} s", details=call.printed)
            return int(call.child.returncode), call.printed, call.seconds

    def clear(self, engine: Engine) -> None:
        """Remove all runs of this home, kept ones too, and their store; raises `SuiteError`."""
        for pid in carriers(self.mark):
            kill(pid, self.mark)
        code, printed, _ = self.run("gc", "--kept", within=COLLECT)
        engine.run("volume", "rm", "--force", runs.store_volume(self.folders), check=False)
        if code:
            raise SuiteError(f"`osh-conformance gc --kept` ended with {code}", details=printed)
