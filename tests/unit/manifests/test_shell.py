"""The reader of shell scripts: the commands that it finds, and no false errors."""

from __future__ import annotations

import random
import re
import shutil
import subprocess

import pytest

from osh_conformance.manifests.shell import ShellError, commands
from tests.paths import ROOT

_SCRIPT = r"""#!/bin/bash
# Comments: an apostrophe's no quote, nor is (this
set -euo pipefail
NAME="${1:-"a b"}" OTHER=$(printf '%s' "$NAME" | tr -d '\n')
function start () {
  exec example-api --config "/etc/$OTHER.conf" \
    --verbose 2>&1 | tee >(cat > /tmp/log)
}
stop() { kill -TERM 1; }
list=(one "two three" $(ls -1) # a remark
  four)
if [[ "$NAME" == *start* && ! -f "/tmp/${NAME%%.*}" ]]; then
  for word in "${list[@]}"; do echo "$word"; done
elif (( ${#list[@]} > 2 )); then
  while read -r line; do
    case $line in
      (a|b) echo "a or b" ;;
      *"c"*) until false; do break; done ;;
      esac
    ) echo odd ;;
    esac
  done < <(sort /tmp/input)
else
  cat << "EOF" > /tmp/text
an apostrophe's in here, $(and no command)
EOF
  cat <<-END
	if nothing is closed
	END
fi
echo $((1 + (2 * 3))) "$(( $(wc -l < /tmp/text) + 1 ))" `date +%s` ${list[0]/\'/"'"}
( cd /tmp && ls ) || { echo "no"; exit 1; }
$NAME
"""
_SCRIPTS = [
    _SCRIPT.replace("      esac\n    ) echo odd ;;\n", ""),
    *(file.read_text() for file in sorted(ROOT.glob("c*/**/*.sh"))),
]


def test_commands_are_found_in_every_construct() -> None:
    names = [command.name for command in commands(_SCRIPTS[0])]
    for name in (
        "printf",
        "tr",
        "exec",
        "tee",
        "cat",
        "kill",
        "ls",
        "sort",
        "date",
        "cd",
        "break",
        "exit",
        "$NAME",
    ):
        assert name in names
    assert not {"if", "and", "nothing", "an", "four", "esac", "then"} & set(names)


def test_words_lose_their_quotes_and_keep_their_line() -> None:
    (command,) = commands('\n\'/opt/x\'/"run" --name="a $B" \\\n  last > /dev/null')
    assert command.words == ("/opt/x/run", "--name=a $B", "last")
    assert command.line == 2


@pytest.mark.parametrize(
    ("script", "line", "message"),
    [
        ("if true; then\n  echo\n", 1, "`if` of line 1 is never closed"),
        ("echo\n}\n", 2, "closes nothing"),
        ("echo 'a\n", 1, "never closed"),
        ("for a in b; do\n  fi\n", 2, "closes nothing inside `for`"),
        ("echo $(ls\n", 1, "never closed"),
        ("case a in\n  b) ;;\n", 1, "never closed"),
        ('echo "${A"\n', 1, "never closed"),
    ],
)
def test_a_block_that_is_not_closed_is_an_error(script: str, line: int, message: str) -> None:
    with pytest.raises(ShellError, match=message) as raised:
        commands(script)
    assert raised.value.line == line


def _damaged(text: str, chance: random.Random) -> str:
    at = chance.randrange(len(text))
    if chance.random() < 0.5:
        return text[:at] + text[at + chance.choice((1, 1, 2, 5)) :]
    more = ('"', "'", "(", ")", "fi", "done", "`", "}", "{", ";;", "\n", "$(", "${", "\nfi\n", "<<", "&&", "|", ";")
    return text[:at] + chance.choice(more) + text[at:]


@pytest.mark.parametrize("shell", ["bash", "dash"])
def test_the_reader_agrees_with_the_shells_on_damaged_scripts(shell: str) -> None:
    """No script that the shell accepts is an error, nor the other way round.

    Two differences are meant: a here-document without an end, which shells end at the end of the file, and an
    expansion such as `${a`b}`, in which dash goes astray only when it runs it.
    """
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"the program {shell} is not installed")
    chance = random.Random(1)  # noqa: S311
    scripts = _SCRIPTS + [_damaged(chance.choice(_SCRIPTS), chance) for _ in range(300)]
    refused = 0
    for script in scripts:
        asked = subprocess.run([program, "-n"], input=script.encode(), capture_output=True, check=False)
        error = _error(script, bash=shell == "bash")
        refused += bool(asked.returncode)
        if "here-document" in error or (shell == "dash" and re.search(r"\$\{\w+[`$\"']", script)):
            continue
        assert bool(asked.returncode or asked.stderr) == bool(error), f"{error} {asked.stderr!r}\n{script}"
    assert refused > 50


def _error(script: str, *, bash: bool) -> str:
    try:
        commands(script, bash=bash)
    except ShellError as error:
        return str(error)
    return ""
