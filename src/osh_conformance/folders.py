"""The suite's folders: a cache that can be rebuilt, and the state of its runs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

_APP = "osh-conformance"
#: The folder with the socket and the pid file of our Docker Engine. Fixed, because a machine has at most one.
DOCKER_RUN = Path("/run/osh-conformance")
#: The environment variable that names the scratch folder of a process; `gc` finds processes by it.
SCRATCH_MARK = "OSH_CONFORMANCE_SCRATCH"


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """The two root folders, and the folders below them."""

    cache: Path
    state: Path

    @property
    def builds(self) -> Path:
        """Finished builds, `<recipe>-<key>` each."""
        return self.cache / "builds"

    @property
    def work(self) -> Path:
        """Unfinished builds and fetches; a folder without an owner is a leftover."""
        return self.cache / "work"

    @property
    def charts(self) -> Path:
        """The commits that catalogs name, `<commit>` each: the files of one commit of a git repository."""
        return self.cache / "charts"

    @property
    def logs(self) -> Path:
        """One log for each recipe and key."""
        return self.cache / "logs"

    @property
    def locks(self) -> Path:
        """Lock files; they stay, because removing one breaks it for a process that waits for it."""
        return self.cache / "locks"

    @property
    def docker(self) -> Path:
        """The data root of the Docker Engine that `setup` provides on a machine without one."""
        return self.cache / "engine"

    @property
    def scratch(self) -> Path:
        """Private files of runs; a folder without an owner is a leftover."""
        return self.state / "scratch"

    @property
    def runs(self) -> Path:
        """One folder for each run that owns a cluster."""
        return self.state / "runs"


def default_folders() -> Folders:
    """Return the folders of this user; `OSH_CONFORMANCE_CACHE` moves the cache."""
    moved = os.environ.get("OSH_CONFORMANCE_CACHE")
    return Folders(
        cache=Path(moved).absolute() if moved else platformdirs.user_cache_path(_APP, appauthor=False),
        state=platformdirs.user_state_path(_APP, appauthor=False),
    )


def write_private(file: Path, content: str | bytes) -> Path:
    """Write a file that only this user can read; return it."""
    # The mode comes first: no other user may read the content in between.
    file.touch(mode=0o600)
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def helm_homes(folder: Path) -> dict[str, str]:
    """Return the environment variables that keep helm's caches, settings and data below `folder`."""
    return {f"HELM_{name}_HOME": str(folder / name.lower()) for name in ("CACHE", "CONFIG", "DATA")}
