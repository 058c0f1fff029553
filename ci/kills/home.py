"""The program with its own state folder, apart from that of this user."""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ci.calls import Call, mark_of
from ci.kills.processes import carriers, kill, kill_session
from osh_conformance.errors import SuiteError
from osh_conformance.folders import Folders, default_folders
from osh_conformance.provision import runs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from osh_conformance.provision.docker import Docker

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 900.0
COLLECT = 300.0
#: The parts of the cache that a run writes.
WRITTEN = ("renderings", "work")


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """HOME, cache, state, TMPDIR and working folder of one user of the program."""

    folder: Path

    @classmethod
    def create(cls, folder: Path) -> Home:
        """Create the folders of a new home."""
        for name in ("cache", "calls", "state", "tmp", "user", "work"):
            (folder / name).mkdir(parents=True)
        for path in default_folders().cache.iterdir():
            if path.name not in WRITTEN:
                (folder / "cache" / path.name).symlink_to(path)
        return cls(folder=folder)

    @property
    def folders(self) -> Folders:
        """The program's folders: with this user's builds, and without renderings."""
        return Folders(cache=self.folder / "cache", state=self.folder / "state" / "osh-conformance")

    @property
    def mark(self) -> str:
        """The environment variable that all processes of this home carry."""
        return mark_of(self.folder)

    @contextlib.contextmanager
    def started(self, verb: str, *words: str | Path) -> Iterator[Call]:
        """Start `osh-conformance VERB WORDS` in a new session, and kill its processes when the body ends."""
        # Each run must render its chart, as the first one does.
        shutil.rmtree(self.folders.cache / "renderings", ignore_errors=True)
        own = {
            "HOME": str(self.folder / "user"),
            "DOCKER_CONFIG": os.environ.get("DOCKER_CONFIG", str(Path.home() / ".docker")),
            "OSH_CONFORMANCE_CACHE": str(self.folders.cache),
            "OSH_CONFORMANCE_RECIPES": str(ROOT / "ci"),
        }
        call = Call.start(self.folder, verb, *words, cwd=self.folder / "work", env=own)
        try:
            yield call
        finally:
            if call.child.poll() is None:
                kill_session(call.child, self.mark)

    def run(self, verb: str, *words: str | Path, within: float) -> tuple[int, str, float]:
        """Run it to its end; return exit code, output and seconds. Raises `SuiteError` if it does not end in time."""
        with self.started(verb, *words) as call:
            if not call.has_ended(within):
                raise SuiteError(f"`osh-conformance {verb}` did not end within {within:g} s", details=call.printed)
            return int(call.child.returncode), call.printed, call.seconds

    def clear(self, docker: Docker) -> None:
        """Remove all runs of this home, kept ones included, and their image store; raises `SuiteError`."""
        for pid in carriers(self.mark):
            kill(pid, self.mark)
        code, printed, _ = self.run("gc", "--kept", within=COLLECT)
        docker.run("volume", "rm", "--force", runs.store_volume(self.folders), check=False)
        if code:
            raise SuiteError(f"`osh-conformance gc --kept` ended with exit code {code}", details=printed)
