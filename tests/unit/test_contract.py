"""What an image lacks of its tier: the question is asked in a shell of this machine, in place of one of an image."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import pytest

from osh_conformance.errors import SuiteError
from osh_conformance.live import contract
from osh_conformance.model.matrix import Tier
from osh_conformance.process import Outcome

if TYPE_CHECKING:
    from pathlib import Path

    from osh_conformance.provision.docker import Docker


@dataclass
class _Image:
    """Runs what a container would, with the programs of one folder on PATH."""

    programs: Path
    words: tuple[Any, ...] = ()

    def run(self, *words: Any, **_: object) -> Outcome:
        self.words = words
        argv = ["/bin/sh", "-c", str(words[-1])]
        done = subprocess.run(argv, env={"PATH": str(self.programs)}, capture_output=True, text=True, check=False)
        return Outcome(argv=tuple(argv), code=done.returncode, stdout=done.stdout, stderr=done.stderr, seconds=0.0)


def image(folder: Path, *modules: str, python: str = "python3") -> _Image:
    """An image whose Python, called so, has these modules."""
    program = folder / python
    program.write_text(
        f'#!/bin/sh\nfor known in {" ".join(modules)}; do [ "$2" = "import $known" ] && exit; done; exit 1\n'
    )
    program.chmod(0o755)
    return _Image(programs=folder)


def check(made: _Image, tier: Tier) -> None:
    contract.check(cast("Docker", made), "local", "docker.io/x/y:1", tier)


def test_an_image_that_holds_all_is_good(tmp_path: Path) -> None:
    check(image(tmp_path, "pymysql", "sqlalchemy"), Tier.CORE)


def test_a_minimal_image_needs_less(tmp_path: Path) -> None:
    made = image(tmp_path, "pymysql")
    check(made, Tier.MINIMAL)
    with pytest.raises(SuiteError, match="lacks python3 module sqlalchemy"):
        check(made, Tier.CORE)


def test_an_image_without_python3_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="lacks python3, python3 module pymysql") as caught:
        check(image(tmp_path, "pymysql", python="python"), Tier.MINIMAL)
    assert "the contents of tier minimal: /bin/sh, python3, pymysql" in caught.value.expected


class _Broken:
    """An engine whose container does not come to run the question."""

    def __init__(self, code: int) -> None:
        self._code = code

    def run(self, *_words: object, **_: object) -> Outcome:
        return Outcome(argv=("docker",), code=self._code, stdout="", stderr="docker: it says why", seconds=0.0)


@pytest.mark.parametrize(("code", "message"), [(127, "lacks /bin/sh"), (125, "Docker failed to run image")])
def test_an_image_without_a_shell_is_no_fault_of_the_engine_and_the_other_way_round(code: int, message: str) -> None:
    with pytest.raises(SuiteError, match=message) as caught:
        contract.check(cast("Docker", _Broken(code)), "local", "docker.io/x/y:1", Tier.MINIMAL)
    assert "it says why" in caught.value.details


def test_the_question_is_asked_as_charts_run(tmp_path: Path) -> None:
    made = image(tmp_path, "pymysql")
    check(made, Tier.MINIMAL)
    assert {"--read-only", "--cap-drop", "--user", "--network"} <= set(made.words)
