"""What an image lacks of the contract of its tier, asked in a shell of this machine in place of a container."""

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


def test_an_image_with_the_whole_contract_passes(tmp_path: Path) -> None:
    check(image(tmp_path, "pymysql", "sqlalchemy"), Tier.CORE)


def test_an_image_whose_shell_does_nothing_does_not_pass(tmp_path: Path) -> None:
    class _Nothing(_Image):
        def run(self, *_words: Any, **_: object) -> Outcome:
            return Outcome(argv=(), code=0, stdout="", stderr="", seconds=0.0)

    with pytest.raises(SuiteError, match="lacks /bin/sh"):
        check(_Nothing(programs=tmp_path), Tier.CORE)


def test_a_minimal_image_needs_only_the_minimal_contract(tmp_path: Path) -> None:
    made = image(tmp_path, "pymysql")
    check(made, Tier.MINIMAL)
    with pytest.raises(SuiteError, match="sqlalchemy"):
        check(made, Tier.CORE)


def test_an_image_without_python3_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match=r"python3, .*pymysql") as caught:
        check(image(tmp_path, "pymysql", python="python"), Tier.MINIMAL)
    assert "minimal" in caught.value.expected


class _Broken:
    """An engine whose container does not come to run the question."""

    def __init__(self, code: int) -> None:
        self._code = code

    def run(self, *_words: object, **_: object) -> Outcome:
        return Outcome(argv=("docker",), code=self._code, stdout="", stderr="the answer of the engine", seconds=0.0)


@pytest.mark.parametrize(("code", "message"), [(127, "/bin/sh"), (125, r"^(?!.*/bin/sh).*docker\.io/x/y:1")])
def test_an_image_without_a_shell_is_distinguished_from_an_engine_error(code: int, message: str) -> None:
    with pytest.raises(SuiteError, match=message) as caught:
        contract.check(cast("Docker", _Broken(code)), "local", "docker.io/x/y:1", Tier.MINIMAL)
    assert "the answer of the engine" in caught.value.details


def test_the_contract_is_checked_with_the_options_of_a_chart(tmp_path: Path) -> None:
    made = image(tmp_path, "pymysql")
    check(made, Tier.MINIMAL)
    assert {"--read-only", "--cap-drop", "--user", "--network"} <= set(made.words)
