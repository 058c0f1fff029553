"""Folders in TMPDIR: a run that is killed leaves one, `gc` removes it, and nothing of a run that lives."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from osh_conformance.folders import Folders
from osh_conformance.provision import gc
from osh_conformance.temporary import RENDER, hold, remove_abandoned
from tests.paths import CASES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def _check(tmpdir: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A check of many charts, from the moment on at which it has a folder in `tmpdir`."""
    words = [sys.executable, "-m", "osh_conformance", "check", str(CASES), "--no-cache"]
    environment = {**os.environ, "TMPDIR": str(tmpdir)}
    with subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + 60
            while not list(tmpdir.glob(f"{RENDER}*/owner")) and time.monotonic() < deadline:
                assert process.poll() is None, "it ended before it rendered anything"
                time.sleep(0.02)
            yield process
        finally:
            process.kill()


def test_gc_removes_the_folder_of_a_killed_run_and_keeps_that_of_a_run_that_lives(tmp_path: Path) -> None:
    with _check(tmp_path) as process:
        (folder,) = tmp_path.glob(f"{RENDER}*")
        assert list(remove_abandoned(tmp_path)) == []
        assert folder.is_dir()
        process.kill()
        process.wait()
        # A worker that was just being started holds the lock until it begins its own program.
        deadline = time.monotonic() + 30
        while not (removed := list(remove_abandoned(tmp_path))) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert removed == [f"folder {folder}"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
def test_a_run_that_a_signal_ends_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    with _check(tmp_path) as process:
        process.send_signal(number)
        assert process.wait(60) == 2
    assert list(tmp_path.iterdir()) == []


def test_gc_looks_in_the_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = tmp_path / f"{RENDER}old"
    folder.mkdir()
    hold(folder).close()
    removed = gc.collect(None, Folders(cache=tmp_path / "cache", state=tmp_path / "state")).removed
    assert f"folder {folder}" in removed


def test_gc_leaves_what_is_no_folder_of_a_run(tmp_path: Path) -> None:
    just_made, link, file = (tmp_path / f"{RENDER}{name}" for name in ("new", "link", "file"))
    just_made.mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    hold(elsewhere).close()
    link.symlink_to(elsewhere)
    file.touch()
    assert list(remove_abandoned(tmp_path)) == []
    assert elsewhere.is_dir()
