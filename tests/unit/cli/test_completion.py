"""Scripts with which shells complete commands."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from osh_conformance.cli import main
from osh_conformance.cli.verbs import SHELLS, VERBS
from osh_conformance.config.options import CHECK, options_of
from tests.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

#: Calls the function of the script as bash does when the user types TAB behind the words.
_TAB = """
source {script}
function=$(complete -p osh-conformance | sed -E 's/.*-F (\\S+).*/\\1/')
COMP_WORDS=({words}) COMP_CWORD={last}
COMP_LINE="${{COMP_WORDS[*]}}" COMP_POINT=${{#COMP_LINE}}
$function osh-conformance "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD-1]}}"
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture
def script(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """The script for bash."""
    assert main(["completion", "bash"]) == 0
    file = tmp_path / "completion.bash"
    file.write_text(capsys.readouterr().out)
    return file


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["expl"], ["explain"]),
        (["check", "--extend-s"], ["--extend-select"]),
        (["check", "--select", "REF-"], ["REF-1", "REF-2", "REF-3", "REF-4"]),
        (["check", "--ignore", "HOO"], ["HOOK", "HOOK-1", "HOOK-2"]),
        (["check", "--renderer", ""], ["sdk", "helm"]),
        (["check", "--flavor", "koll"], ["kolla"]),
        (["explain", "DEP"], ["DEP-1"]),
        (["live", "--scenario", "drop-e"], ["drop-enabled"]),
        (["live", "--matrix", "pa"], ["pairwise"]),
        (["completion", ""], list(SHELLS)),
        (["check", "charts-under-t"], ["charts-under-test"]),
        (["check", "--deviations", "CONTRIB"], ["CONTRIBUTING.md"]),
    ],
)
def test_bash_completes(script: Path, words: list[str], found: list[str]) -> None:
    line = " ".join(shlex.quote(word) for word in ("osh-conformance", *words))
    program = _TAB.format(script=script, words=line, last=len(words))
    bash = shutil.which("bash")
    assert bash, "the suite runs on systems that have it"
    done = subprocess.run([bash, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == found, done.stderr


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_knows_every_verb_and_option(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    out = capsys.readouterr().out
    missing = [word for word in (*VERBS, *(option.name for option in options_of(CHECK))) if word not in out]
    assert missing == []
    assert "kolla" in out


def test_a_shell_without_a_script_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "ksh"]) == 4
    assert "'ksh'" in capsys.readouterr().err


def test_help_and_check_do_not_import_what_writes_the_scripts() -> None:
    program = "import sys; from osh_conformance.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
    program += "main(['check'])\nprint('shtab' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"
