"""Worker processes that render."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest

from osh_conformance.check.worker import work
from osh_conformance.render.workers import Limits, Worker


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="reads the blocked signals from /proc")
def test_a_worker_blocks_interrupts_from_its_start(tmp_path: Path) -> None:
    worker = Worker(work, Limits(), tmp_path)
    try:
        status = Path(f"/proc/{worker.process.pid}/status").read_text()
        blocked = re.search(r"SigBlk:\s*(\w+)", status)
        assert blocked
        assert int(blocked[1], 16) & 1 << signal.SIGINT - 1
        assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    finally:
        worker.end()
