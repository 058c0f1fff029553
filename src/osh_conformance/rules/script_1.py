"""SCRIPT-1: scripts use nothing that only some images have, and parse."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from osh_conformance.manifests.commands import Script, bare_commands, scripts
from osh_conformance.model.finding import Location, Verdict
from osh_conformance.model.observation import lacks_program, not_started
from osh_conformance.model.rule import Rule
from osh_conformance.rules.registry import live_rule, static_rule
from osh_conformance.rules.shared.live import image_key, place
from osh_conformance.rules.shared.script_problems import GRAMMAR, ScriptProblem, problems_in, problems_of
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
    before="data:\n  db-sync.sh: |\n    #!/bin/sh\n    /var/lib/kolla/venv/bin/keystone-manage db_sync\n",
    after="data:\n  db-sync.sh: |\n    #!/bin/sh\n    keystone-manage db_sync\n",
)

#: A POSIX shell exits with these if a program cannot be run, or is not found.
_CANNOT_RUN, _NOT_FOUND = 126, 127


@static_rule(RULE)
def check(chart: RenderedChart) -> Verdict:
    """Check the scripts of all containers, in a mounted ConfigMap or Secret or in a command line.

    A program or a folder of one image flavor fails, and so does a package tool that installs or removes, unless the
    script tests for it first (`command -v`, `[ -x ... ]`). A script that does not parse fails too: Python by its own
    grammar, shell by a block or quote that is never closed. `bash` and a bare `python` are warnings. The words are
    data: `data/vocabulary/utilities.yaml`.
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
    known: dict[tuple[str, str], Script] = {}
    of_commands: list[tuple[str, str, ScriptProblem]] = []
    for pod in every_pod(chart):
        if not pod.document.own:
            continue
        for script in scripts(pod):
            known.setdefault((script.text, script.interpreter), script)
        for container, command in bare_commands(pod):
            template = pod.document.template
            of_commands += [(container.label, template, problem) for problem in problems_in(command)]
    for script in known.values():
        for problem in problems_of(script):
            yield script.origin, script.template, problem
    yield from of_commands


def _finding(chart: RenderedChart, same: list[tuple[str, str, ScriptProblem]]) -> Finding:
    origin, template, problem = same[0]
    origins = tuple(dict.fromkeys(f"{origin}:{problem.line}" for origin, _, problem in same))
    path, line = _located(chart, template, problem)
    return RULE.finding(
        Location(
            chart=chart.name,
            path=chart.folder + path,
            line=line,
            workload=origin.partition(" ")[0],
            containers=origins if len(origins) > 1 else (),
        ),
        found=problem.kind + (f" in {origin}, line {problem.line}" if len(origins) == 1 else ""),
        expected="a script that every image of the contract can run",
        cause=_cause(origin, problem),
        warning=problem.warning,
    )


def _cause(origin: str, problem: ScriptProblem) -> str:
    """Return the cause of a finding. Of scripts that do not parse, each in its own way, it names the script."""
    return f"{problem.cause} of {origin.partition(' ')[2]}" if problem.cause == GRAMMAR else problem.cause


def _located(chart: RenderedChart, template: str, problem: ScriptProblem) -> tuple[str, int | None]:
    """Return the template and line that hold the problem's line word for word, if there is exactly one."""
    text = problem.text.strip()
    own = {file: source for file, source in chart.templates.items() if not file.startswith("charts/")}
    hits = [
        (file, number)
        for file, source in own.items()
        if text and text in source
        for number, line in enumerate(source.splitlines(), start=1)
        if line.strip() == text
    ]
    return hits[0] if len(hits) == 1 else (template, None)


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
