"""The scripts, files and commands that a container runs, as its manifest shows them."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from osh_conformance.manifests.mounts import Place, file_at, mounts, reference_name, volume_parts
from osh_conformance.manifests.shell import Command, ShellError, commands

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from osh_conformance.manifests.mounts import File
    from osh_conformance.manifests.pods import Pod
    from osh_conformance.model.chart import Container

SHELLS: Final = frozenset({"sh", "bash", "dash", "ash", "ksh"})
SCRIPT_ENDINGS: Final = (".sh", ".py", ".bash", ".pl", ".rb")
#: Programs that run the command in their arguments.
_WRAPPERS: Final = frozenset(
    {"sudo", "exec", "env", "nohup", "timeout", "command", "nice", "dumb-init", "tini", "time", "eval", "nsenter"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A script of the release. `interpreter` is its program's name, "" if it names none.

    `origin` is its place, for messages: `ConfigMap/x run.sh`, or the container that holds it. `template` is the file
    that renders it.
    """

    text: str
    interpreter: str
    origin: str
    template: str


def argv(entry: Mapping[str, Any]) -> list[str]:
    """Return the command line of a container, empty if it runs the image's own command."""
    command, args = entry.get("command"), entry.get("args")
    if not isinstance(command, list) or not command:
        return []
    return [str(word) for word in (*command, *(args if isinstance(args, list) else ()))]


def is_python(program: str) -> bool:
    """Whether `program` is a name of the Python interpreter."""
    return (
        program.startswith("python") and program.removeprefix("python").replace(".", "").isdigit()
    ) or program == "python"


def unwrapped(words: list[str]) -> list[str]:
    """Remove the words that only start the command: `exec`, `timeout 10`, `env A=b`, `sudo -E`."""
    while words and posixpath.basename(words[0]) in _WRAPPERS:
        wrapper = posixpath.basename(words[0])
        words = words[1:]
        while words and (words[0].startswith("-") or ("=" in words[0] and not words[0].startswith("/"))):
            words = words[1:]
        if wrapper == "timeout" and words:
            words = words[1:]
    return words


def inline(words: list[str]) -> tuple[str, str] | None:
    """Return the interpreter and the script of a command line such as `sh -c TEXT`, None for any other."""
    words = unwrapped(words)
    if not words:
        return None
    program = posixpath.basename(words[0])
    if program not in SHELLS and not is_python(program):
        return None
    for position, word in enumerate(words[1:], start=1):
        if not word.startswith("-") or word == "--":
            return None
        if word.endswith("c") and not word.startswith("--") and position + 1 < len(words):
            return program, words[position + 1]
    return None


def file_of(words: list[str]) -> str:
    """Return the file that a command line runs: the absolute path of a program or of a script, else ""."""
    words = unwrapped(words)
    if not words:
        return ""
    program = posixpath.basename(words[0])
    if words[0] in (".", "source") and len(words) > 1:
        return _absolute(words[1])
    if (program in SHELLS or is_python(program)) and _is_system(words[0]):
        scripts = [word for word in words[1:] if not word.startswith("-")]
        if any(word.startswith("-") and not word.startswith("--") and word[-1:] in ("c", "m") for word in words[1:2]):
            return ""
        return _absolute(scripts[0]) if scripts else ""
    return _absolute(words[0])


def _absolute(word: str) -> str:
    return word if word.startswith("/") and "$" not in word and "`" not in word and "*" not in word else ""


def _is_system(word: str) -> bool:
    return "/" not in word or posixpath.dirname(word) in ("/bin", "/usr/bin", "/usr/local/bin")


def files(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the files that a container certainly runs, by its command line or by the script in it.

    A script with a branch or a loop gives none: it may skip any of its commands.
    """
    words = argv(entry)
    found = inline(words)
    if found is None:
        file = file_of(words)
        return (file,) if file else ()
    program, text = found
    if program not in SHELLS or any(
        word in text.split() for word in ("if", "case", "while", "until", "||", "&&", "for")
    ):
        return ()
    try:
        read = commands(text)
    except ShellError:
        return ()
    return tuple(file for command in read if (file := file_of(list(command.words))))


def written(pod: Pod, container: Container, volume: str) -> bool:
    """Whether another container of the pod mounts the volume: then its content is unknown."""
    return any(
        str(mount.volume.get("name")) == volume
        for other, entry in pod.containers
        if other.position != container.position
        for mount in mounts(pod, entry)
        if not mount.subpath
    )


def missing(pod: Pod, container: Container, entry: Mapping[str, Any]) -> Iterator[tuple[str, File]]:
    """Yield the files that a container runs and that no object puts at their paths."""
    for path in files(entry):
        file = file_at(pod, entry, path)
        if file.place is Place.ABSENT and file.key == ".":
            continue  # the mount itself: a directory
        if file.place is Place.EMPTY and not written(pod, container, file.volume):
            # A script of several commands may have written the file itself.
            if inline(argv(entry)) is None:
                yield path, file
        elif file.place is Place.ABSENT or (file.place is Place.IMAGE and path.endswith(SCRIPT_ENDINGS)):
            yield path, file


def scripts(pod: Pod) -> Iterator[Script]:
    """Yield every script of a pod: those in its manifest, and those in its mounts."""
    for container, entry in pod.containers:
        for words in _command_lines(entry):
            found = inline(words)
            if found:
                yield Script(
                    text=found[1], interpreter=found[0], origin=container.label, template=pod.document.template
                )
        for mount in mounts(pod, entry):
            for kind, reference in volume_parts(mount.volume):
                yield from _mounted(pod, kind, reference_name(kind, reference), mount.subpath)


def _mounted(pod: Pod, kind: str, name: str, subpath: str) -> Iterator[Script]:
    document = pod.objects.get(kind, name)
    for key, text in (pod.objects.data(kind, name) or {}).items() if document else ():
        if document and text and text.lstrip().startswith("#!") and subpath in ("", key):
            yield Script(
                text=text.lstrip(), interpreter=shebang(text), origin=f"{kind}/{name} {key}", template=document.template
            )


def shebang(text: str) -> str:
    """Return the name of the program in the first line: `/usr/bin/env python3 -u` gives python3."""
    words = text.lstrip().split("\n", 1)[0].removeprefix("#!").split()
    names = [posixpath.basename(word) for word in words if not word.startswith("-")]
    return next((name for name in names if name != "env"), "")


def _command_lines(entry: Mapping[str, Any]) -> Iterator[list[str]]:
    if words := argv(entry):
        yield words
    places: list[Any] = [entry.get(field) for field in ("livenessProbe", "readinessProbe", "startupProbe")]
    lifecycle = entry.get("lifecycle")
    places += lifecycle.values() if isinstance(lifecycle, dict) else []
    for place in places:
        action = place.get("exec") if isinstance(place, dict) else None
        command = action.get("command") if isinstance(action, dict) else None
        if isinstance(command, list):
            yield [str(word) for word in command]


def bare_commands(pod: Pod) -> Iterator[tuple[Container, Command]]:
    """Yield each command line that is no script, as one command."""
    for container, entry in pod.containers:
        for words in _command_lines(entry):
            if words and inline(words) is None:
                yield container, Command(words=tuple(words), line=1)
