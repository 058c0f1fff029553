"""The maker of a world dies by SIGKILL: the world must end with it, and `down` must remove the rest."""

from __future__ import annotations

import signal
import subprocess
import sys

from ci.world import box, layout, session, witness
from osh_conformance.errors import SuiteError
from osh_conformance.progress import Progress
from osh_conformance.waiting import until

_LONG = 900.0
_SOON = 30.0


def check(*, any_build: bool) -> bool:
    """Kill twice, while a world is made and while a row runs; print the differences; return whether there are none."""
    session.stock(Progress(), any_build=any_build)
    return _kill("as it is made", any_build=any_build) & _kill("as a row runs", any_build=any_build)


def _kill(moment: str, *, any_build: bool) -> bool:
    others = {world.identity for world in layout.worlds()}
    before = witness.lists()
    options = ["--any-build"] if any_build else []
    # The maker is this program; its world is new, so it is known by its folder.
    argv = [sys.executable, "-m", "ci.world", *options, "rows", "--only", "waits"]
    printed = layout.root() / "killed.log"
    with printed.open("wb") as sink:
        maker = subprocess.Popen(argv, stdout=sink, stderr=sink, cwd=layout.ROOT)

    def new() -> layout.World | None:
        if maker.poll() is not None:
            details = printed.read_text(errors="replace")
            raise SuiteError(f"the maker of the world ended with exit code {maker.returncode}", details=details)
        found = [world for world in layout.worlds() if world.identity not in others and world.alive]
        return found[0] if found and (moment == "as it is made" or _runs(found[0])) else None

    try:
        world = until(new, "a world", deadline=_LONG, pause=0.02)
    finally:
        maker.send_signal(signal.SIGKILL)
        maker.wait(_SOON)
        printed.unlink()
    until(lambda: not world.alive, "the end of the world after its maker", deadline=_SOON)
    between = witness.differences(before, witness.lists())
    box.remove(world)
    after = witness.differences(before, witness.lists())
    print(f"killed {moment}: {len(between)} differences before `down`, {len(after)} after it")
    for line in after:
        print(f"  {line}")
    return not after


def _runs(world: layout.World) -> bool:
    return (world.home / "empty" / "waiting").exists()
