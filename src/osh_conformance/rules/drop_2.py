"""DROP-2: everything that the drop Job runs and names exists when it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from osh_conformance.manifests.commands import argv, missing
from osh_conformance.manifests.mounts import Place, file_at, mounts, reference_name, volume_parts
from osh_conformance.manifests.pods import DELETE_POLICY, HOOK, PRE_DELETE, annotation, dicts, weight, words_of
from osh_conformance.manifests.variables import Source, sources, variables
from osh_conformance.model.finding import Verdict
from osh_conformance.model.rule import Rule
from osh_conformance.rules.registry import static_rule
from osh_conformance.rules.shared import places
from osh_conformance.rules.shared.drop_jobs import no_drop, switched_on

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from osh_conformance.manifests.pods import Pod
    from osh_conformance.model.chart import Container, Document, RenderedChart
    from osh_conformance.model.finding import Finding

RULE = Rule(
    id="DROP-2",
    title="the drop Job is complete: everything that it runs and names exists when it runs",
    source="a Kubernetes Job that drops the service's database when the Helm release is deleted",
    why="a Job that cannot start makes `helm uninstall` fail, or hang until its timeout",
    fix="add to the release what the Job needs, and keep it until the Job has run",
    before="# the drop Job runs /tmp/db-drop.py from this ConfigMap\ndata:\n  db-init.py: |\n    ...\n",
    after=(
        "# the drop Job runs /tmp/db-drop.py from this ConfigMap\n"
        "data:\n  db-init.py: |\n    ...\n  db-drop.py: |\n    ...\n"
    ),
)


@static_rule(RULE)
def check(chart: RenderedChart) -> Verdict:
    """Check the drop Job with its switch on.

    What it mounts must hold the file that it runs. Each Secret, ConfigMap (and key of them) and ServiceAccount that it
    names must render, and must still exist at pre-delete: it must not be a hook that its own policy has removed, or one
    that is created later. An object whose name is in values, or in another object of the release, is not the chart's
    own: no finding.
    """
    found = switched_on(chart).drop_pods
    if not found:
        return no_drop(chart, RULE)
    external = _strings(chart.effective or chart.values.content)
    findings: dict[tuple[str, str], Finding] = {}
    for pod in found:
        for container, lack in _lacks(pod, external):
            finding = RULE.finding(
                places.of_pod(chart, pod, container),
                found=lack,
                expected="everything that the Job needs, in the release or named in values",
                cause=lack,
            )
            findings.setdefault((pod.label, lack), finding)
    return Verdict.of(RULE.id, list(findings.values()))


def _strings(values: Any) -> frozenset[str]:
    found, stack = set(), [values]
    while stack:
        here = stack.pop()
        if isinstance(here, dict):
            stack += here.values()
        elif isinstance(here, list):
            stack += here
        elif isinstance(here, str):
            found.add(here)
    return frozenset(found)


def _lacks(pod: Pod, external: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Yield the name of the container (or "") and what it lacks.

    An object that the release does not render, and whose name is in `external`, is not the chart's: no finding.
    """
    for container, entry in pod.containers:
        for lack in (*_of_files(pod, container, entry), *_of_mounts(pod, container, entry)):
            yield container.name, lack
        for source in sources(entry):
            if lack := _of_object(pod, source, external):
                yield container.name, lack
    for source in _of_pod(pod):
        if lack := _of_object(pod, source, external):
            yield "", lack


def _of_files(pod: Pod, container: Container, entry: Mapping[str, Any]) -> Iterator[str]:
    for path, file in missing(pod, container, entry):
        where = f"{file.kind}/{file.name} has no {file.key}" if file.place is Place.ABSENT else "nothing mounts it"
        yield f"it runs {path}, and {where}"


def _of_mounts(pod: Pod, container: Container, entry: Mapping[str, Any]) -> Iterator[str]:
    run = {path for path, _ in missing(pod, container, entry)}
    # For a key that does not exist Kubernetes makes an empty folder: that harms only a container that reads the path.
    read = {variable.value for variable in variables(entry, pod.objects).values()} | set(argv(entry))
    known = {str(volume.get("name")) for volume in dicts(pod.spec.get("volumes"))}
    for mount in mounts(pod, entry):
        if str(mount.volume.get("name") or "") not in known:
            yield f"it mounts at {mount.path} a volume that the pod does not have"
        elif mount.subpath and mount.path in read and mount.path not in run:
            file = file_at(pod, entry, mount.path)
            if file.place is Place.ABSENT:
                yield f"it mounts {file.key} of {file.kind}/{file.name}, which has no such key"


def _of_pod(pod: Pod) -> Iterator[Source]:
    """Yield the objects that the pod as a whole names: those of its volumes, and its ServiceAccount."""
    for volume in dicts(pod.spec.get("volumes")):
        for kind, reference in volume_parts(volume):
            name, optional = reference_name(kind, reference), reference.get("optional") is True
            for key in [str(item.get("key")) for item in dicts(reference.get("items"))] or [""]:
                yield Source(kind=kind, name=name, key=key, optional=optional)
    account = str(pod.spec.get("serviceAccountName") or pod.spec.get("serviceAccount") or "default")
    if account != "default":
        yield Source(kind="ServiceAccount", name=account, key="")


def _of_object(pod: Pod, source: Source, external: frozenset[str]) -> str:
    """Say what is missing of an object that the pod names: the object, a key of it, or the object at pre-delete."""
    if source.optional or not source.name:
        return ""
    document = pod.objects.get(source.kind, source.name)
    if document is None:
        if source.name in external or pod.objects.mentions(source.name):
            return ""
        return f"it needs {source.kind}/{source.name}, which the release does not have"
    data = pod.objects.data(source.kind, source.name) if source.kind != "ServiceAccount" else None
    if source.key and data is not None and source.key not in data:
        return f"it needs the key {source.key} of {source.kind}/{source.name}, which has no such key"
    return _gone(pod, document)


def _gone(pod: Pod, document: Document) -> str:
    """Say why an object that is a hook does not exist when the drop Job runs."""
    events = words_of(annotation(document, HOOK))
    if not events or PRE_DELETE not in words_of(annotation(pod.document, HOOK)):
        return ""
    name = f"{document.kind}/{document.name}"
    if PRE_DELETE in events:
        own, job = ((weight(one), one.name) for one in (document, pod.document))
        return f"{name} is a hook that is created after the Job" if own > job else ""
    if "hook-succeeded" in words_of(annotation(document, DELETE_POLICY)):
        return f"{name} is a hook that its own delete policy has removed by then"
    if not {"pre-install", "post-install", "pre-upgrade", "post-upgrade"} & set(events):
        return f"{name} is a hook of {','.join(events)}, and does not exist when the release is deleted"
    return ""
