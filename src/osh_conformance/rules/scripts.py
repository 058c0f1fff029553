"""SCRIPT: what charts run is applied by Kubernetes, and runs in any image that the contract allows."""

from __future__ import annotations

import ast
import functools
import posixpath
import re
import warnings
from collections import defaultdict
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from osh_conformance.model.chart import Role
from osh_conformance.model.finding import Finding, Severity, Status, Verdict
from osh_conformance.model.rule import Rule
from osh_conformance.rules._functions import performs
from osh_conformance.rules._pods import Place, pods, renderings
from osh_conformance.rules._runs import SHELLS, Script, bare_commands, is_python, missing, scripts, unwrapped
from osh_conformance.rules._shell import Command, ShellError, commands
from osh_conformance.rules._words import words
from osh_conformance.rules.registry import static_rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from osh_conformance.model.chart import RenderedChart
    from osh_conformance.rules._pods import Pod

SCRIPT_1 = Rule(
    id="SCRIPT-1",
    title="scripts use nothing that only some images have, and parse",
    source="simple scripts with minimal dependencies ... without any reliance on image-specific utilities",
    why="the script runs in the one flavor that it was written with, and in no other",
    example="a script with `/var/lib/kolla/venv/bin/keystone-manage db_sync` in it",
    fix="keystone-manage db_sync",
)
SCRIPT_2 = Rule(
    id="SCRIPT-2",
    title="what a Job or init container runs comes from the release, or is a program of the service",
    source="the toolsets required to enable the OpenStack services should be applied by Kubernetes itself",
    why="a script that only some image has, or that no ConfigMap has, is not there when the Job runs it",
    example="`command: [/tmp/bootstrap.sh]` of a ConfigMap without that entry",
    fix="put the script into the ConfigMap that the container mounts",
)
_TESTS = frozenset({"test", "[", "[[", "command", "which", "type", "hash", "ls", "stat"})


def _is_entry(chart: RenderedChart, key: str) -> bool:
    """Whether a template has the entry, for other values: those that an operator sets together with the toggle."""
    entry = re.compile(rf"^\s*[\"']?{re.escape(key)}[\"']?\s*:", re.MULTILINE)
    return any(entry.search(text) for text in chart.templates.values())


def _pods(chart: RenderedChart) -> tuple[Pod, ...]:
    """The pods of every rendering, each once, as shipped if it is there then."""
    found: dict[tuple[str, str, str], Pod] = {}
    for rendering in renderings(chart):
        for pod in pods(chart, rendering):
            found.setdefault((pod.document.template, *pod.label.partition("/")[::2]), pod)
    return tuple(found.values())


# -- SCRIPT-1 -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fault:
    """What is wrong in a script. `line` counts in the script; `kind` groups what has one cause."""

    kind: str
    text: str
    line: int
    warning: bool = False


@static_rule(SCRIPT_1)
def runs_in_any_image(chart: RenderedChart) -> Verdict:
    """Judge SCRIPT-1: the scripts that containers are given, in a mounted ConfigMap or Secret or in their command line.

    A program or a folder of one image flavor, or a package tool at work, fails, unless the script asks for it first
    (`command -v`, `[ -x ... ]`). So does a script that does not parse: Python by its own grammar, shell by what is
    opened and never closed. `bash` and a bare `python` are warnings. The words are data:
    `data/words/utilities.yaml`.
    """
    known: dict[tuple[str, str], Script] = {}
    plain: list[tuple[str, str, _Fault]] = []
    every = _pods(chart)
    if not every:
        return Verdict.not_applicable(SCRIPT_1.id, "the chart renders no container")
    for pod in every:
        if not pod.document.own:
            continue
        for script in scripts(pod):
            known.setdefault((script.text, script.interpreter), script)
        for container, command in bare_commands(pod):
            faults = _in_command(command)
            plain += [(container.label, pod.document.template, fault) for fault in faults]
    findings: dict[tuple[str, str, bool], list[tuple[str, str, _Fault]]] = defaultdict(list)
    for script in known.values():
        for fault in faults_of(script):
            findings[_cause(fault, script.template)].append((script.origin, script.template, fault))
    for origin, template, fault in plain:
        findings[_cause(fault, template)].append((origin, template, fault))
    return Verdict.of(SCRIPT_1.id, [_finding(chart, places) for places in findings.values()])


def _cause(fault: _Fault, template: str) -> tuple[str, str, bool]:
    return ("" if fault.warning else template, fault.kind, fault.warning)


def _finding(chart: RenderedChart, places: list[tuple[str, str, _Fault]]) -> Finding:
    origin, template, fault = places[0]
    origins = tuple(dict.fromkeys(f"{origin}:{fault.line}" for origin, _, fault in places))
    path, line = _located(chart, template, fault)
    finding = Finding(
        rule=SCRIPT_1.id,
        chart=chart.name,
        path=chart.folder + path,
        line=line,
        workload=origin.partition(" ")[0],
        found=f"{fault.kind}" + (f" in {origin}, line {fault.line}" if len(origins) == 1 else ""),
        expected="a script that every image of the contract can run",
        why=SCRIPT_1.why,
        fix="call programs by name, from PATH; /bin/sh and python3 are all that may be counted on",
        containers=origins if len(origins) > 1 else (),
    )
    return replace(finding, severity=Severity.WARNING, status=Status.WARNING) if fault.warning else finding


def _located(chart: RenderedChart, template: str, fault: _Fault) -> tuple[str, int | None]:
    """The line of a template that the fault stands in, if it stands there word for word and nowhere else."""
    text = fault.text.strip()
    own = {file: source for file, source in chart.templates.items() if not file.startswith("charts/")}
    hits = [
        (file, number)
        for file, source in own.items()
        if text and text in source
        for number, line in enumerate(source.splitlines(), start=1)
        if line.strip() == text
    ]
    return hits[0] if len(hits) == 1 else (template, None)


def faults_of(script: Script) -> tuple[_Fault, ...]:
    """Say what is wrong in a script: its interpreter, its grammar, what it calls."""
    return _faults(script.text, script.interpreter)


@functools.lru_cache(maxsize=256)
def _faults(text: str, interpreter: str) -> tuple[_Fault, ...]:
    return tuple(_found(text, interpreter))


def _found(text: str, interpreter: str) -> Iterator[_Fault]:
    lines = text.splitlines() or [""]
    if interpreter in words("utilities")["unpromised_interpreters"]:
        yield _Fault(kind=f"the interpreter {interpreter}", text="", line=1, warning=True)
    if is_python(interpreter):
        yield from _in_python(text, interpreter, lines)
    elif interpreter in SHELLS:
        yield from _in_shell(text, interpreter, lines)


def _in_shell(text: str, interpreter: str, lines: list[str]) -> Iterator[_Fault]:
    try:
        read = commands(text)
    except ShellError as error:
        yield _Fault(kind=f"no script of {interpreter}: {error}", text=_line(lines, error.line), line=error.line)
        return
    tested = {word for command in read if command.name in _TESTS for word in command.words[1:]}
    tested |= _conditions(text)
    for command in read:
        for fault in _in_command(command, tested):
            yield replace(fault, text=_line(lines, fault.line))


def _conditions(text: str) -> set[str]:
    """The words between `[[` and `]]`: what a script asks for it can do without."""
    return {word.strip("\"'") for found in re.findall(r"\[\[(.*?)\]\]", text, re.DOTALL) for word in found.split()}


def _line(lines: list[str], number: int) -> str:
    return lines[number - 1] if 0 < number <= len(lines) else ""


def _in_command(command: Command, tested: Iterable[str] = ()) -> Iterator[_Fault]:
    """The image-specific words of one command, but for those that the script asks for before it uses them."""
    if command.name in _TESTS:
        return
    run = unwrapped(list(command.words))
    program = posixpath.basename(run[0]) if run else ""
    utilities = words("utilities")
    names = (run[0], program) if run else ()
    if any(fnmatchcase(program, pattern) for pattern in utilities["flavor_programs"]) and not set(names) & set(tested):
        yield _Fault(kind=f"{program}, a program of one image flavor", text="", line=command.line)
    acts = any(word in utilities["package_actions"] for word in run[1:3])
    if program in utilities["package_tools"] and acts and not set(names) & set(tested):
        yield _Fault(kind=f"{program}, a package tool", text="", line=command.line)
    if is_python(program) and run[1:3] == ["-m", "pip"]:
        yield _Fault(kind="pip, a package tool", text="", line=command.line)
    for word in run:
        path = _flavor_path(word)
        if path and not any(path in other for other in tested):
            yield _Fault(kind=f"{path}, where one image flavor keeps its code", text="", line=command.line)


def _flavor_path(word: str) -> str:
    """The place of one image flavor that a word lies in; a list of several places relies on none."""
    for path in words("utilities")["flavor_paths"]:
        if word == path or word.startswith(f"{path}/"):
            return "" if ":" in word else str(path)
    return ""


def _in_python(text: str, interpreter: str, lines: list[str]) -> Iterator[_Fault]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError) as error:
            line = getattr(error, "lineno", None) or 1
            message = getattr(error, "msg", None) or str(error)
            if interpreter.startswith("python2"):
                return
            # Without a number it may be meant for Python 2.
            unsure = not interpreter.startswith("python3")
            kind = f"no script of Python 3: {message}"
            yield _Fault(kind=kind, text=_line(lines, line), line=line, warning=unsure)
            return
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if path := _flavor_path(node.value):
                kind = f"{path}, where one image flavor keeps its code"
                yield _Fault(kind=kind, text=_line(lines, node.lineno), line=node.lineno)
            elif any(fnmatchcase(node.value, pattern) for pattern in words("utilities")["flavor_programs"]):
                kind = f"{node.value}, a program of one image flavor"
                yield _Fault(kind=kind, text=_line(lines, node.lineno), line=node.lineno)


# -- SCRIPT-2 -----------------------------------------------------------------------------------------------------


@static_rule(SCRIPT_2)
def comes_from_the_release(chart: RenderedChart) -> Verdict:
    """Judge SCRIPT-2: the command line of each Job's container and each init container.

    It fails where the file is a script that nothing of the release puts there, or an entry that its ConfigMap lacks. Of
    what renders only with toggles on, an entry that a template has for other values is not missed. Of drop Jobs DROP-2
    speaks.
    """
    findings: dict[tuple[str, str, str], Finding] = {}
    judged = False
    for pod in _pods(chart):
        if any(performs(chart, container, entry, "db_drop") for container, entry in pod.containers):
            continue
        for container, entry in pod.containers:
            if container.kind != "Job" and container.role is not Role.INIT:
                continue
            judged = True
            for path, file in missing(pod, container, entry):
                if file.place is Place.ABSENT and not pod.shipped and _is_entry(chart, file.key):
                    continue
                absent = f"{file.kind}/{file.name} has no {file.key}"
                where = absent if file.place is Place.ABSENT else "nothing of the release puts it there"
                finding = Finding(
                    rule=SCRIPT_2.id,
                    chart=chart.name,
                    path=chart.folder + pod.document.template,
                    workload=pod.label,
                    container=container.name,
                    found=f"it runs {path}, and {where}",
                    expected="a script from a ConfigMap or Secret of the release, or a program of the service",
                    why=SCRIPT_2.why,
                    fix=SCRIPT_2.fix,
                )
                findings.setdefault((pod.document.template, container.name, finding.found), finding)
    if not judged:
        return Verdict.not_applicable(SCRIPT_2.id, "no Job and no init container renders")
    return Verdict.of(SCRIPT_2.id, list(findings.values()))
