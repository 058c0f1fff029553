"""Where the suite keeps things: a cache that can be made again, and the state of its runs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

_APP = "osh-conformance"
#: What a socket and a pid file of an engine of ours lie in. Fixed, because there is one such engine a machine.
ENGINE_RUN = Path("/run/osh-conformance")


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """The two roots, and what lies where below them."""

    cache: Path
    state: Path

    @property
    def builds(self) -> Path:
        """Finished builds, `<recipe>-<key>` each."""
        return self.cache / "builds"

    @property
    def work(self) -> Path:
        """Builds in the making; whatever lies here without an owner is rubbish."""
        return self.cache / "work"

    @property
    def logs(self) -> Path:
        """One log a recipe and key."""
        return self.cache / "logs"

    @property
    def locks(self) -> Path:
        """Lock files; they stay, since removing one that somebody waits for breaks it."""
        return self.cache / "locks"

    @property
    def engine(self) -> Path:
        """The data root of the engine that the suite provides where there is none."""
        return self.cache / "engine"

    @property
    def scratch(self) -> Path:
        """What a run writes for itself alone; whatever lies here without an owner is rubbish."""
        return self.state / "scratch"

    @property
    def runs(self) -> Path:
        """One folder a run that owns a cluster."""
        return self.state / "runs"


def default_folders() -> Folders:
    """The folders of this user; `OSH_CONFORMANCE_CACHE` moves the cache."""
    moved = os.environ.get("OSH_CONFORMANCE_CACHE")
    return Folders(
        cache=Path(moved).absolute() if moved else platformdirs.user_cache_path(_APP, appauthor=False),
        state=platformdirs.user_state_path(_APP, appauthor=False),
    )
