"""Who lives and who is gone: locks, marks and folders."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from osh_conformance.errors import SuiteError, UsageError
from osh_conformance.provision import gc, leftovers, runs
from osh_conformance.provision.folders import Folders

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(cache=tmp_path / "cache", state=tmp_path / "state")


def test_a_living_run_is_left_alone_and_a_dead_one_is_not(folders: Folders) -> None:
    run = runs.at(folders, "r1")
    with runs.own(folders, run):
        assert gc.collect(None, folders).left == ("run r1: it is alive",)
        with pytest.raises(SuiteError, match="there is a run r1 already"), runs.own(folders, run):
            pass
    with runs.claim(folders, run) as dead:
        assert dead


def test_a_kept_cluster_stays_until_it_is_asked_for(folders: Folders) -> None:
    run = runs.at(folders, "r1")
    with runs.own(folders, run):
        run.keep({"node_image": "x"})
    report = gc.collect(None, folders)
    assert report.removed == ()
    assert "kept by --keep" in report.left[0]
    assert run.kept == {"node_image": "x"}


def test_a_run_id_must_fit_into_a_host_name(folders: Folders) -> None:
    for bad in ("", "A", "-a", "a-", "a" * 31, "a/b"):
        with pytest.raises(UsageError):
            runs.at(folders, bad)


def test_the_folder_of_a_dead_build_goes_and_that_of_a_living_one_stays(folders: Folders) -> None:
    (folders.work / "dead-1").mkdir(parents=True)
    (folders.work / "dead-1" / "file").touch()
    report = gc.collect(None, folders)
    assert report.removed == (f"folder {folders.work / 'dead-1'}",)
    assert list(folders.work.iterdir()) == []


def test_a_process_with_the_mark_is_ended_and_one_without_is_not() -> None:
    sleep = [sys.executable, "-c", "import time; print(flush=True); time.sleep(60)"]
    environments = ({"OSH_CONFORMANCE_RUN": "gone"}, {"OSH_CONFORMANCE_RUN": "gone-not"})
    started = [subprocess.Popen(sleep, env=env, stdout=subprocess.PIPE) for env in environments]
    try:
        for process in started:
            assert process.stdout is not None
            process.stdout.readline()
        ended = leftovers.end_marked("OSH_CONFORMANCE_RUN", "gone")
        assert [told.split()[0] for told in ended] == [str(started[0].pid)]
        assert started[0].wait(5) != 0
        assert started[1].poll() is None
    finally:
        for process in started:
            process.kill()
            process.communicate()
