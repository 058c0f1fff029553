"""SCRIPT-1: scripts use nothing that only some images have, and parse."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from osh_conformance.manifests.commands import bare_commands
from osh_conformance.manifests.pods import renderings
from osh_conformance.manifests.scripts import all_scripts
from osh_conformance.model.finding import Location, Verdict
from osh_conformance.model.observation import lacks_program, not_started
from osh_conformance.model.rule import Rule
from osh_conformance.rules.registry import live_rule, static_rule
from osh_conformance.rules.shared import places
from osh_conformance.rules.shared.live import image_key, place
from osh_conformance.rules.shared.script_problems import ScriptProblem, Sort, problems_in, problems_of
from osh_conformance.rules.shared.workloads import every_pod

if TYPE_CHECKING:
    from collections.abc import Iterator

    from osh_conformance.model.chart import RenderedChart
    from osh_conformance.model.finding import Finding
    from osh_conformance.model.observation import Observation, ObservedContainer

RULE = Rule(
    id="SCRIPT-1",
    title="scripts use nothing that only some images have, and parse",
    source="simple scripts with minimal dependencies ... without any reliance on image-specific utilities",
    why="the script runs in the one flavor that it was written with, and in no other",
    fix="call programs by name, from PATH; only /bin/sh and python3 are in every image",
    blind=(
        "scripts inside of images, and those that a script fetches or makes when it runs; other languages "
        "than shell and Python; scripts of charts that this one depends on where they have a target of their "
        "own"
    ),
    before="data:\n  db-sync.sh: |\n    #!/bin/sh\n    /var/lib/kolla/venv/bin/keystone-manage db_sync\n",
    after="data:\n  db-sync.sh: |\n    #!/bin/sh\n    keystone-manage db_sync\n",
)

#: The reason and the fix, by the sort of the problem.
_ADVICE = {
    Sort.GRAMMAR: (
        "the interpreter refuses the script, or does something else than it says, in every image",
        "correct the syntax, so that it parses; `bash -n`, `dash -n` and `python3 -m py_compile` check a file",
    ),
    Sort.INTERPRETER: (
        "an image without that interpreter cannot run the script",
        "write the script for /bin/sh or python3, which are in every image",
    ),
    Sort.DIALECT: (
        "/bin/sh is bash in some images and dash in others, where the command is not found",
        "use what POSIX has: `[ ... ]` for `[[ ... ]]`, `.` for `source`; or name bash in the first line",
    ),
    Sort.PROGRAM: ("", "call the service's own program instead, or test for the program first with `command -v`"),
    Sort.PLACE: ("", "call programs by name, from PATH; each image has its own places in it"),
    Sort.PACKAGE: (
        "other images have another package tool or no network, and each start may install another version",
        "put the package into the image that the container runs",
    ),
}
#: A POSIX shell exits with these if a program cannot be run, or is not found.
_CANNOT_RUN, _NOT_FOUND = 126, 127


@static_rule(RULE)
def check(chart: RenderedChart) -> Verdict:
    """Check the scripts of all containers, in a mounted ConfigMap or Secret or in a command line.

    A program or a folder of one image flavor fails, and so does a package tool that installs or removes, unless the
    script tests for it before (`command -v`, `[ -x ... ]`). So does a script that does not parse: by the grammar of
    bash, for `sh` by that of dash, for Python by that of Python 3. A here-document that never ends is such an error.
    What is valid in Python 2 only is a warning if the script asks for `python`, and nothing if it asks for `python2`.

    `bash` and a bare `python` are warnings, and so are commands of bash in a script for `sh`. So is all that is wrong
    with a script that no rendered pod mounts. The interpreter is the one that a container runs the script with, else
    the one in its first line. The words are data: `data/vocabulary/utilities.yaml`.

    The rule does not look at scripts of images, at here-documents, at commands that a variable holds, at what runs
    elsewhere (`nsenter`, `chroot`, `kubectl exec`), and at tests for Bats.
    """
    if not every_pod(chart):
        return Verdict.not_applicable(RULE.id, "the chart renders no container")
    # All places of one cause are one finding: in each template, or (for a warning) in the chart.
    found: dict[tuple[str, str, bool], list[tuple[str, str, ScriptProblem]]] = defaultdict(list)
    for origin, template, problem in _problems(chart):
        cause = ("" if problem.warning else template, problem.kind, problem.warning)
        found[cause].append((origin, template, problem))
    return Verdict.of(RULE.id, [_finding(chart, same) for same in found.values()])


def _problems(chart: RenderedChart) -> Iterator[tuple[str, str, ScriptProblem]]:
    """Yield each problem with the place of its script, for messages, and the template of that place."""
    for script in all_scripts(every_pod(chart), renderings(chart)):
        for problem in problems_of(script):
            yield script.origin, script.template, problem
    for pod in every_pod(chart):
        for container, command in bare_commands(pod) if pod.document.own else ():
            for problem in problems_in(command):
                yield container.label, pod.document.template, problem


def _finding(chart: RenderedChart, same: list[tuple[str, str, ScriptProblem]]) -> Finding:
    origin, _, problem = same[0]
    origins = tuple(dict.fromkeys(f"{origin}:{problem.line}" for origin, _, problem in same))
    found = [_place(chart, *each) for each in same]
    # Charts have the cause in common only if all of it is in files of libraries.
    shared = sorted({place.shared for place in found})
    return RULE.finding(
        replace(
            found[0],
            workload=origin.partition(" ")[0],
            containers=origins if len(origins) > 1 else (),
            shared="" if "" in shared else " ".join(shared),
        ),
        found=problem.kind + (f" in {origin}, line {problem.line}" if len(origins) == 1 else ""),
        expected="a script that every image of the contract can run",
        cause=_cause(origin, problem),
        why=_ADVICE[problem.sort][0],
        fix=_ADVICE[problem.sort][1],
        warning=problem.warning,
    )


def _cause(origin: str, problem: ScriptProblem) -> str:
    """Return the cause of a finding. Of scripts that do not parse, each in its own way, it names the script."""
    return f"{problem.cause} of {origin.partition(' ')[2]}" if problem.sort is Sort.GRAMMAR else problem.cause


def _place(chart: RenderedChart, origin: str, template: str, problem: ScriptProblem) -> Location:
    """Return the place of the problem's line: in the one file that has it, or in the one that the script is from."""
    text = problem.text.strip()
    workload, _, entry = origin.partition(" ")
    found = places.of_script(chart, template, entry, text, problem.cause)
    if found.line is None and (problem.whole or not text):
        found = places.of_command(chart, template, workload, entry)
    hits = [
        (file, number)
        for file, source in chart.templates.items()
        if text and not problem.whole and text in source
        for number, line in enumerate(source.splitlines(), start=1)
        if line.strip() == text
    ]
    if len(hits) == 1 and not hits[0][0].startswith("charts/"):
        file, number = hits[0]
        return Location(chart=chart.name, path=chart.folder + file, line=number)
    return found


@live_rule(RULE)
def check_live(observation: Observation) -> Verdict:
    """Check that no container ended because its image lacks a program or a path.

    The container could not be started for that reason, or a shell in it ended with 126 or 127.
    """
    if not observation.containers:
        return Verdict.undecided(RULE.id, "no container was seen")
    # All pods of one Job fail in the same way.
    lacking = {container.label: container for container in observation.containers if _lacks_a_program(container)}
    findings = [
        RULE.finding(
            place(observation, container, key=image_key(observation, container)),
            found=f"in flavor {observation.cell.flavor}: {_end(container)}",
            expected="a container that runs only what every image has: /bin/sh, python3 and the service's own programs",
        )
        for container in lacking.values()
    ]
    return Verdict.of(RULE.id, findings)


def _lacks_a_program(container: ObservedContainer) -> bool:
    reasons = (container.reason, container.last_reason)
    if any(map(not_started, reasons)):
        return any(lacks_program(reason, container.message) for reason in reasons)
    return container.last_exit_code in (_CANNOT_RUN, _NOT_FOUND)


def _end(container: ObservedContainer) -> str:
    message = " ".join(container.message.split()) or "no output"
    never = any(map(not_started, (container.reason, container.last_reason)))
    return f"{'it cannot be started' if never else f'exit code {container.last_exit_code}'} ({message})"
