"""SCRIPT-2: Jobs and init containers run scripts of the release, or programs of the service."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from osh_conformance.manifests.commands import missing
from osh_conformance.manifests.mounts import Place
from osh_conformance.manifests.scripts import gives_scripts
from osh_conformance.model.chart import Role
from osh_conformance.model.finding import Verdict
from osh_conformance.model.rule import Rule
from osh_conformance.rules.registry import static_rule
from osh_conformance.rules.shared import places
from osh_conformance.rules.shared.image_keys import performs
from osh_conformance.rules.shared.workloads import every_pod

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from osh_conformance.manifests.pods import Pod
    from osh_conformance.model.chart import Container, RenderedChart
    from osh_conformance.model.finding import Finding

RULE = Rule(
    id="SCRIPT-2",
    title="a Job or init container runs a script of the release, or a program of the service",
    source="the toolsets required to enable the OpenStack services should be applied by Kubernetes itself",
    why="a script that only some image has, or that no ConfigMap has, does not exist when the Job runs it",
    fix="add the script to the ConfigMap that the container mounts",
    blind=(
        "the main containers of Deployments, StatefulSets and DaemonSets: a service may bring its programs; "
        "files that a script calls in its turn; drop Jobs (DROP-2)"
    ),
    before="# a Job runs /tmp/bootstrap.sh from this ConfigMap\ndata:\n  db-sync.sh: |\n    ...\n",
    after=(
        "# a Job runs /tmp/bootstrap.sh from this ConfigMap\n"
        "data:\n  db-sync.sh: |\n    ...\n  bootstrap.sh: |\n    ...\n"
    ),
)

#: The reason and the fix where the script may be the image's own by design.
_BY_IMAGE = (
    "the container runs only with an image that brings this script, and not with one of another flavor",
    "put the script into a ConfigMap that the container mounts; or keep it, if the image brings it by design",
)


@static_rule(RULE)
def check(chart: RenderedChart) -> Verdict:
    """Check the command line of each container of a Job, and of each init container.

    It fails if the file is a script that nothing of the release puts there, or an entry that its ConfigMap lacks. In
    a workload that renders only with toggles on, an entry that a template has for other values is not reported. DROP-2
    reports drop Jobs.

    Where the release gives the container no script at all, the file may be a program that the image brings by design:
    a warning. The rule does not look at programs without the ending of a script.
    """
    findings: dict[tuple[str, str, str], Finding] = {}
    checked = False
    for pod, container, entry in _checked(chart):
        checked = True
        for path, file in missing(pod, container, entry):
            absent = file.place is Place.ABSENT
            if absent and not pod.shipped and _is_entry(chart, file.key):
                continue
            by_image = file.place is Place.IMAGE and not gives_scripts(pod, entry, path)
            where = f"{file.kind}/{file.name} has no {file.key}" if absent else "nothing of the release puts it there"
            finding = RULE.finding(
                places.of_pod(chart, pod, container.name, field="command", own=True),
                found=f"it runs {path}, and {where}",
                expected="a script from a ConfigMap or Secret of the release, or a program of the service",
                cause=path,
                why=_BY_IMAGE[0] if by_image else "",
                fix=_BY_IMAGE[1] if by_image else "",
                warning=by_image,
            )
            findings.setdefault((pod.document.template, container.name, finding.found), finding)
    if not checked:
        return Verdict.not_applicable(RULE.id, "no Job and no init container renders")
    return Verdict.of(RULE.id, list(findings.values()))


def _checked(chart: RenderedChart) -> Iterator[tuple[Pod, Container, Mapping[str, Any]]]:
    for pod in every_pod(chart):
        if any(performs(chart, container, entry, "db_drop") for container, entry in pod.containers):
            continue
        for container, entry in pod.containers:
            if container.kind == "Job" or container.role is Role.INIT:
                yield pod, container, entry


def _is_entry(chart: RenderedChart, key: str) -> bool:
    """Whether a template has the entry for other values: those that an operator sets together with the toggle."""
    entry = re.compile(rf"^\s*[\"']?{re.escape(key)}[\"']?\s*:", re.MULTILINE)
    return any(entry.search(text) for text in chart.templates.values())
