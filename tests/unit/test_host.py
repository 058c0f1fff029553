"""Machines other than the reference machine, simulated: macOS for what needs no cluster, arm64 for what is said."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from osh_conformance import host
from osh_conformance.cli import main
from osh_conformance.plugin import live
from tests.paths import KEYSTONE

if TYPE_CHECKING:
    from pathlib import Path

#: What macOS lacks, or answers differently. Python runs this file first, in worker processes too. There is no network:
#: the library that asks registries looks for the real macOS.
_MACOS = """
import os, signal, socket, sys
for module, name in ((os, "sched_getaffinity"), (os, "pidfd_open"), (signal, "pidfd_send_signal")):
    delattr(module, name)
del os.sysconf_names["SC_AVPHYS_PAGES"]

def without_proc(event, arguments):
    if event == "open" and str(arguments[0]).startswith("/proc"):
        raise FileNotFoundError(2, "No such file or directory", str(arguments[0]))

def without_network(*arguments, **options):
    raise OSError("no network")

socket.create_connection = without_network
sys.addaudithook(without_proc)
"""
#: Not for a run that renders: the renderer loads the library of the system with this name.
_NAMED = 'import platform; platform.system = lambda: "Darwin"\n'


def _on_macos(folder: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    (folder / "sitecustomize.py").write_text(_MACOS + ("" if words[0] == "check" else _NAMED))
    env = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}", "HOME": str(folder)}
    program = "import sys; from osh_conformance.cli import main; sys.exit(main(sys.argv[1:]))"
    return subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=False, env=env)


def test_check_runs_on_macos(tmp_path: Path) -> None:
    done = _on_macos(tmp_path, "check", KEYSTONE, "--no-cache")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 chart" in done.stdout


def test_check_on_macos_finds_what_is_wrong(tmp_path: Path) -> None:
    chart = KEYSTONE.parents[1] / "tests" / "cases" / "ref-2"
    done = _on_macos(tmp_path, "check", chart, "--no-cache", "--select", "REF-2")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "FAIL REF-2" in done.stdout


@pytest.mark.parametrize("words", [("plan", KEYSTONE), ("explain", "REF-1")], ids=["plan", "explain"])
def test_a_verb_without_a_cluster_runs_on_macos(tmp_path: Path, words: tuple[str | Path, ...]) -> None:
    done = _on_macos(tmp_path, *words)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("words", [("live", KEYSTONE), ("setup",), ("gc",)], ids=["live", "setup", "gc"])
def test_a_verb_that_needs_linux_refuses_macos_in_one_error(tmp_path: Path, words: tuple[str | Path, ...]) -> None:
    done = _on_macos(tmp_path, *words)
    assert done.returncode == 3
    assert f"`{words[0]}` does not run here. A live run needs Linux, and this is macOS." in done.stderr
    assert "Traceback" not in done.stderr


def test_doctor_on_macos_says_that_live_runs_are_not_possible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    done = _on_macos(tmp_path, "doctor")
    assert done.returncode == 3
    assert re.search(r"^no +system +macOS .*not supported for live runs", done.stdout, re.MULTILINE), done.stdout
    assert "A live run needs Linux" in done.stdout.partition("\n\n")[2]
    assert "Traceback" not in done.stderr


def test_a_verb_that_needs_linux_runs_on_linux(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["setup", "--only", "no-such-recipe"]) == 4
    assert "does not run here" not in capsys.readouterr().err


def test_pytest_live_refuses_macos(monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    with pytest.raises(pytest.UsageError, match=r"--live does not run here\. A live run needs Linux"):
        live._check_usage(pytestconfig)


@pytest.mark.parametrize(
    ("system", "machine", "described"),
    [
        ("Linux", "x86_64", "Linux x86_64"),
        ("Linux", "aarch64", "Linux aarch64 (untested)"),
        ("Darwin", "arm64", "macOS arm64 (not supported for live runs)"),
        ("Windows", "AMD64", "Windows AMD64 (not supported for live runs)"),
    ],
)
def test_a_machine_is_described_with_its_support(
    monkeypatch: pytest.MonkeyPatch, system: str, machine: str, described: str
) -> None:
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert host.describe() == described


def test_memory_that_only_caches_is_available(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "meminfo"
    file.write_text("MemTotal:       64000000 kB\nMemFree:          100000 kB\nMemAvailable:   60000000 kB\n")
    monkeypatch.setattr(host, "_MEMORY", file)
    assert host.available_memory() == 60000000 << 10


def test_memory_without_proc_is_that_of_the_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(host, "_MEMORY", tmp_path / "meminfo")
    monkeypatch.delitem(os.sysconf_names, "SC_AVPHYS_PAGES")
    assert host.available_memory() == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    monkeypatch.delitem(os.sysconf_names, "SC_PHYS_PAGES")
    assert host.available_memory() == 0


def test_cores_without_affinity_are_those_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    assert host.cores() == os.cpu_count()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says when a process began")
def test_the_time_of_this_process_counts_from_its_start() -> None:
    program = "import time; time.sleep(0.5); from osh_conformance import host; print(host.process_seconds())"
    said = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert 0.5 <= float(said) < 100
