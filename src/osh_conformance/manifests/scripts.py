"""The scripts of a release: in command lines, in mounted ConfigMaps and Secrets, and in those that no pod mounts."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from osh_conformance.manifests.commands import SCRIPT_ENDINGS, command_lines
from osh_conformance.manifests.mounts import Place, file_at, mounts, reference_name, volume_parts
from osh_conformance.manifests.pods import Objects, dicts
from osh_conformance.manifests.programs import SHELLS, inline, run_of
from osh_conformance.manifests.shell import ShellError, commands

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from osh_conformance.manifests.pods import Pod
    from osh_conformance.model.chart import Container, Document, Rendering

#: An entry of a ConfigMap or Secret: its kind, its name, and the key.
Entry = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A script of the release. `interpreter` is its program's name.

    - origin: its place, for messages: `ConfigMap/x run.sh`, or the container that holds it.
    - template: the file that renders it.
    - entry: the entry that holds it, None for a script in a command line.
    - runs: a container certainly runs it with that interpreter. Otherwise its first line names the interpreter.
    - mounted: a pod of the chart has it.
    """

    text: str
    interpreter: str
    origin: str
    template: str
    entry: Entry | None = None
    runs: bool = True
    mounted: bool = True


def shebang(text: str) -> str:
    """Return the name of the program in the first line: `/usr/bin/env python3 -u` gives python3. "" without one."""
    first = text.lstrip().split("\n", 1)[0]
    names = [posixpath.basename(word) for word in first.removeprefix("#!").split() if not word.startswith("-")]
    return next((name for name in names if name != "env" and "=" not in name), "") if first.startswith("#!") else ""


def all_scripts(pods: Iterable[Pod], renderings: Iterable[Rendering]) -> tuple[Script, ...]:
    """Return the scripts of a chart's own templates, each once for each interpreter.

    A script that a container runs by another interpreter than its first line names is read in the former only.
    """
    found: dict[tuple[str, str, Entry | None], Script] = {}
    mounted: set[Entry] = set()
    for pod in pods:
        mounted |= {entry for _, manifest in pod.containers for entry in mounted_entries(pod, manifest)}
        for script in _Scripts(pod).read() if pod.document.own else ():
            key = script.text, script.interpreter, script.entry
            found[key] = script if key not in found or script.runs else found[key]
    run = {script.entry for script in found.values() if script.runs}
    kept = [script for script in found.values() if script.runs or script.entry not in run]
    return (*kept, *_unmounted(renderings, mounted))


def _unmounted(renderings: Iterable[Rendering], mounted: set[Entry]) -> Iterator[Script]:
    seen = set(mounted)
    for rendering in renderings:
        objects = Objects(rendering)
        for document in rendering.documents:
            if not document.own or document.kind not in ("ConfigMap", "Secret"):
                continue
            for key, text in (objects.data(document.kind, document.name) or {}).items():
                entry = document.kind, document.name, key
                if entry not in seen and text and shebang(text):
                    seen.add(entry)
                    yield replace(_script(document, entry, text, shebang(text)), runs=False, mounted=False)


def _script(document: Document, entry: Entry, text: str, interpreter: str) -> Script:
    origin = f"{entry[0]}/{entry[1]} {entry[2]}"
    return Script(text=text, interpreter=interpreter, origin=origin, template=document.template, entry=entry)


def mounted_entries(pod: Pod, container: Mapping[str, Any]) -> Iterator[Entry]:
    """Yield the entries of ConfigMaps and Secrets that a container can read."""
    for mount in mounts(pod, container):
        for kind, reference in volume_parts(mount.volume):
            name = reference_name(kind, reference)
            data = pod.objects.data(kind, name) or {}
            if mount.subpath in data and not reference.get("items"):
                yield kind, name, mount.subpath
                continue
            items = {str(item.get("path")): str(item.get("key")) for item in dicts(reference.get("items"))}
            for key in data:
                paths = [path for path, of in items.items() if of == key] if items else [key]
                if any(mount.subpath in ("", path, path.split("/", 1)[0]) for path in paths):
                    yield kind, name, key


def gives_scripts(pod: Pod, container: Mapping[str, Any], path: str) -> bool:
    """Whether the release gives a container its scripts, or files beside `path`: a script there is then its own too."""
    folder = posixpath.dirname(path)
    if folder == "/tmp" or folder.startswith("/tmp/"):  # noqa: S108  (no image brings programs there)
        return True
    beside = any(
        mount.subpath and volume_parts(mount.volume) and posixpath.dirname(mount.path) == folder
        for mount in mounts(pod, container)
    )
    return beside or any(
        key.endswith(SCRIPT_ENDINGS) or bool(shebang((pod.objects.data(kind, name) or {}).get(key) or ""))
        for kind, name, key in mounted_entries(pod, container)
    )


@dataclass(slots=True)
class _Scripts:
    """Reads the scripts of one pod: what each container runs, what that runs in turn, then the rest of its mounts."""

    pod: Pod
    seen: set[tuple[Entry, str]] = field(default_factory=set)

    def read(self) -> Iterator[Script]:
        for container, entry in self.pod.containers:
            for words in command_lines(entry):
                yield from self._run(container, entry, words, "sh")
        run = {entry for entry, _ in self.seen}
        mounted = (place for _, manifest in self.pod.containers for place in mounted_entries(self.pod, manifest))
        for place in dict.fromkeys(mounted):
            document = self.pod.objects.get(*place[:2])
            text = (self.pod.objects.data(*place[:2]) or {}).get(place[2])
            if place not in run and document and text and shebang(text):
                yield replace(_script(document, place, text, shebang(text)), runs=False)

    def _run(self, container: Container, manifest: Mapping[str, Any], words: list[str], shell: str) -> Iterator[Script]:
        if found := inline(words):
            template = self.pod.document.template
            script = Script(text=found[1], interpreter=found[0], origin=container.label, template=template)
            yield script
            yield from self._called(container, manifest, script)
            return
        run = run_of(words)
        file = file_at(self.pod, manifest, run.path) if run else None
        if run is None or file is None or file.place is not Place.PRESENT or not file.text:
            return
        by_name = {".": shell, "": shebang(file.text) or "sh"}
        interpreter = by_name.get(run.interpreter, run.interpreter)
        entry = file.kind, file.name, file.key
        document = self.pod.objects.get(file.kind, file.name)
        if document and (entry, interpreter) not in self.seen:
            self.seen.add((entry, interpreter))
            script = _script(document, entry, file.text, interpreter)
            yield script
            yield from self._called(container, manifest, script)

    def _called(self, container: Container, manifest: Mapping[str, Any], script: Script) -> Iterator[Script]:
        """Yield the scripts that a shell script calls by their paths. The inline ones in it are part of its text."""
        if script.interpreter not in SHELLS:
            return
        try:
            read = commands(script.text)
        except ShellError:
            return
        for command in read:
            if inline(list(command.words)) is None:
                yield from self._run(container, manifest, list(command.words), script.interpreter)
