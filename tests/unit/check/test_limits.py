"""A chart that takes too much time or memory is stopped, and the others are checked."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from osh_conformance.model.finding import Status
from tests.unit.check.hostile import engine_of, message_of, status_of, write_chart
from tests.unit.helm_program import needs_helm

pytestmark = pytest.mark.usefixtures("no_cache")


_ENDLESS = "{{ range until 1000000 }}{{ range until 1000000 }}{{ end }}{{ end }}"
_HUNGRY = "{{ range until 100000000 }}\na: {{ . }}\n{{ end }}"
_HUGE = "{{ $x := repeat 1000000 `x` }}{{ range until 40 }}\n---\na: {{ $x }}\n{{ end }}"


@pytest.mark.parametrize(
    "renderer",
    ["sdk", pytest.param("helm", marks=needs_helm)],
)
def test_a_chart_over_a_limit_is_stopped_and_the_others_are_checked(tmp_path: Path, renderer: str) -> None:
    tree = tmp_path / "tree"
    write_chart(tree / "endless", {"templates/a.yaml": _ENDLESS})
    write_chart(tree / "hungry", {"templates/a.yaml": _HUNGRY})
    write_chart(tree / "huge", {"templates/a.yaml": _HUGE})
    write_chart(tree / "good")
    engine = engine_of(tree, renderer)
    # Twice as long, and again, where the machine had no time for it.
    assert re.search(r"no end within (15|30|60|120) s", message_of(engine, "endless"))
    message = message_of(engine, "hungry")
    assert "the process that renders it died" in message or "out of memory" in message or "does not render" in message
    assert "renders 38 MiB of manifests" in message_of(engine, "huge")
    assert status_of(engine, "good", "REF-1") is Status.PASS
    assert not _programs()


def _programs() -> list[str]:
    """The `helm` programs that still run for a chart of this process."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0") if folder.name.isdigit() else []
        except OSError:
            continue
        if b"template" in words and any(b"osh-conformance-render-" in word for word in words):
            stat = (folder / "stat").read_text()
            found.append(stat) if _is_ours(int(stat.rpartition(")")[2].split()[1])) else None
    return found


def _is_ours(pid: int) -> bool:
    return pid in {1, os.getpid()}
