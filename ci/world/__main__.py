"""Make the ordinary machine, and test the suite on it."""
from __future__ import annotations
import sys
from ci.world import session, box, layout
from osh_conformance.progress import Progress
if __name__ == "__main__":
    if sys.argv[1]=="up":
        s=session.up(Progress(), any_build=True, outlive=True); print(box.state(s.world)); session.copy_checkout(s.world)
    if sys.argv[1]=="down":
        for w in layout.worlds(): box.remove(w)
