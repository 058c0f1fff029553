"""The command lines and files that a container runs, as its manifest shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from osh_conformance.manifests.mounts import Place, file_at, mounts
from osh_conformance.manifests.programs import SHELLS, inline, run_of
from osh_conformance.manifests.shell import Command, ShellError, commands

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from osh_conformance.manifests.mounts import File
    from osh_conformance.manifests.pods import Pod
    from osh_conformance.model.chart import Container

SCRIPT_ENDINGS: Final = (".sh", ".py", ".bash", ".pl", ".rb")


def argv(entry: Mapping[str, Any]) -> list[str]:
    """Return the command line of a container, empty if it runs the image's own command."""
    command, args = entry.get("command"), entry.get("args")
    if not isinstance(command, list) or not command:
        return []
    return [str(word) for word in (*command, *(args if isinstance(args, list) else ()))]


def files(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the files that a container certainly runs, by its command line or by the script in it.

    A script with a branch or a loop gives none: it may skip any of its commands.
    """
    words = argv(entry)
    found = inline(words)
    if found is None:
        run = run_of(words)
        return (run.path,) if run else ()
    program, text = found
    if program not in SHELLS or any(
        word in text.split() for word in ("if", "case", "while", "until", "||", "&&", "for")
    ):
        return ()
    try:
        read = commands(text)
    except ShellError:
        return ()
    return tuple(run.path for command in read if (run := run_of(list(command.words))))


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


def command_lines(entry: Mapping[str, Any]) -> Iterator[list[str]]:
    """Yield the command lines of a container: its own, and those of its probes and lifecycle hooks."""
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
        for words in command_lines(entry):
            if words and inline(words) is None:
                yield container, Command(words=tuple(words), line=1)
