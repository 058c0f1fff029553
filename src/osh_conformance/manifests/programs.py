"""The program that a command line runs: behind `sudo`, `timeout` and the like, in `sh -c TEXT`, or by a file."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

SHELLS: Final = frozenset({"sh", "bash", "dash", "ash", "ksh"})
#: Programs that run the command in their arguments, each with its options of one letter that take a value.
_WRAPPERS: Final = {
    "sudo": "ugpCRrtTDh",
    "exec": "a",
    "env": "uCS",
    "nohup": "",
    "timeout": "ks",
    "command": "",
    "builtin": "",
    "nice": "n",
    "ionice": "cnp",
    "stdbuf": "ioe",
    "setsid": "",
    "dumb-init": "r",
    "tini": "pe",
    "time": "fo",
    "eval": "",
    "nsenter": "tSGr",
    "xargs": "IndLPasEi",
    "runuser": "ugG",
    "gosu": "",
    "su-exec": "",
    "flock": "wE",
    "busybox": "",
    "catatonit": "",
}
#: Those that have one more word before the command: a time, a user, a file.
_WITH_WORD: Final = frozenset({"timeout", "gosu", "su-exec", "flock"})
#: Options of shells and of Python that take a value.
_SHELL_VALUES: Final = frozenset({"-o", "+o", "-O", "+O", "--rcfile", "--init-file"})
_PYTHON_VALUES: Final = frozenset({"-W", "-X", "-Q"})

#: Options of `find` that run the command after them.
_EXECUTES: Final = frozenset({"-exec", "-execdir", "-ok", "-okdir"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A file that a command line runs: by its interpreter, "" if the file itself is the program, `.` if it is read."""

    interpreter: str
    path: str


def is_python(program: str) -> bool:
    """Whether `program` is a name of the Python interpreter."""
    return (
        program.startswith("python") and program.removeprefix("python").replace(".", "").isdigit()
    ) or program == "python"


def unwrapped(words: list[str]) -> list[str]:
    """Remove the words that only start the command: `exec`, `timeout 10`, `env A=b`, `sudo -u root`, `xargs -n 1`."""
    while words and (wrapper := posixpath.basename(words[0])) in _WRAPPERS:
        words = words[1:]
        while words and (words[0].startswith("-") or ("=" in words[0] and not words[0].startswith("/"))):
            option = words[0]
            valued = len(option) == len("-x") and option[1] in _WRAPPERS[wrapper]
            words = words[2 if valued else 1 :]
            if option == "--":
                break
        if wrapper in _WITH_WORD and words:
            words = words[1:]
    return words


def inline(words: list[str]) -> tuple[str, str] | None:
    """Return the interpreter and the script of a command line such as `sh -c TEXT`, None for any other."""
    if words and posixpath.basename(words[0]) == "runuser" and "-u" not in words:
        return _switched(words)
    words = unwrapped(words)
    program = posixpath.basename(words[0]) if words else ""
    if program == "su":
        return _switched(words)
    if program == "trap" and len(words) > len(("trap", "EXIT")) and not words[1].startswith("-"):
        return "sh", words[1]
    if program not in SHELLS and not is_python(program):
        return None
    kind, word = _argument(program, words[1:])
    return (program, word) if kind == "text" else None


def started_by(words: list[str]) -> Iterator[list[str]]:
    """Yield the commands that `find` runs for what it finds: the words after `-exec` and the like."""
    if not words or posixpath.basename(words[0]) != "find":
        return
    for position, word in enumerate(words):
        if word in _EXECUTES and (started := unwrapped(words[position + 1 :])):
            yield started


def _switched(words: list[str]) -> tuple[str, str] | None:
    """Return the script of `su USER -c TEXT`."""
    for position, word in enumerate(words[1:], start=1):
        if word in ("-c", "--command", "-lc") and position + 1 < len(words):
            return "sh", words[position + 1]
        if word.startswith("--command="):
            return "sh", word.partition("=")[2]
    return None


def _argument(program: str, words: list[str]) -> tuple[str, str]:
    """Return what an interpreter runs: ("text", TEXT), ("file", FILE) or ("", "")."""
    python = is_python(program)
    valued = _PYTHON_VALUES if python else _SHELL_VALUES
    text = skip = False
    for position, word in enumerate(words):
        if skip:
            skip = False
        elif word == "--":
            rest = words[position + 1 :]
            return ("text" if text else "file", rest[0]) if rest else ("", "")
        elif word[:1] in ("-", "+") and len(word) > 1:
            if python and word.startswith("-m"):
                return "", ""
            skip = word in valued
            if not word.startswith("--") and "c" in word[1:] and (not python or word.endswith("c")) and word[0] == "-":
                text = True
                if python:
                    return ("text", words[position + 1]) if position + 1 < len(words) else ("", "")
        else:
            return "text" if text else "file", word
    return "", ""


def run_of(words: list[str]) -> Run | None:
    """Return the file with an absolute path that a command line runs, None if it runs none, or an unknown one."""
    words = unwrapped(words)
    if not words:
        return None
    program = posixpath.basename(words[0])
    interpreter, path = "", words[0]
    if words[0] in (".", "source") and len(words) > 1:
        interpreter, path = ".", words[1]
    elif (program in SHELLS or is_python(program)) and _is_system(words[0]):
        kind, path = _argument(program, words[1:])
        interpreter = program
        if kind != "file":
            return None
    unknown = not path.startswith("/") or any(sign in path for sign in "$`*")
    return None if unknown else Run(interpreter=interpreter, path=path)


def _is_system(word: str) -> bool:
    return "/" not in word or posixpath.dirname(word) in ("/bin", "/usr/bin", "/usr/local/bin")
