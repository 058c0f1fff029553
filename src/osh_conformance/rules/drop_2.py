"""DROP-2: everything that the drop Job runs and names exists when it runs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from osh_conformance.manifests.commands import argv, missing
from osh_conformance.manifests.mounts import Place, file_at, mounts
from osh_conformance.manifests.pods import dicts
from osh_conformance.manifests.variables import Source, sources, variables
from osh_conformance.manifests.vocabulary import words
from osh_conformance.model.finding import Verdict
from osh_conformance.model.rule import Rule
from osh_conformance.rules.registry import static_rule
from osh_conformance.rules.shared import places
from osh_conformance.rules.shared.drop_jobs import no_drop, switched_on
from osh_conformance.rules.shared.drop_objects import absence, asks_cluster, bindings, named, role, shared_account
from osh_conformance.rules.shared.image_keys import performs

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
    blind=(
        "what the script itself needs: programs in the image, the network, objects that it asks the API for; "
        "objects whose names are in values are taken to exist"
    ),
    before="# the drop Job runs /tmp/db-drop.py from this ConfigMap\ndata:\n  db-init.py: |\n    ...\n",
    after=(
        "# the drop Job runs /tmp/db-drop.py from this ConfigMap\n"
        "data:\n  db-init.py: |\n    ...\n  db-drop.py: |\n    ...\n"
    ),
)
_INI: Final = ("file", "section", "key")


@static_rule(RULE)
def check(chart: RenderedChart) -> Verdict:
    """Check the drop Job with its switch on.

    What it mounts must hold the file that it runs. Each Secret, ConfigMap (and key of them) and ServiceAccount that it
    names must render, and must still exist at pre-delete: it must not be a hook that its own policy has removed, or one
    that is created later. An object whose name is in values, or in another object of the release, is not the chart's
    own: no finding. A Job that never starts or ends, or that Kubernetes refuses for how it restarts, fails too.

    The same holds for each Role and RoleBinding of its ServiceAccount. If other workloads have the account too, it
    fails only if the Job surely asks the cluster and no right is left; else it is a warning: the right that is gone may
    have been for the others. A Job without any RoleBinding is no finding.
    """
    found = switched_on(chart).drop_pods
    if not found:
        return no_drop(chart, RULE)
    external = _strings(chart.effective or chart.values.content)
    findings: dict[tuple[str, str], Finding] = {}
    for pod in found:
        for lack in (*_of_run(pod), *_lacks(pod, external), *_rights(chart, pod, found, external)):
            finding = RULE.finding(
                places.of_pod(chart, pod, lack.container, own=True),
                found=lack.text,
                expected="everything that the Job needs, in the release or named in values",
                fix=lack.fix,
                cause=lack.text,
                warning=lack.warning,
            )
            findings.setdefault((pod.label, lack.text), finding)
    return Verdict.of(RULE.id, list(findings.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lack:
    """What a container ("" for the pod as a whole) lacks, and the cure."""

    text: str
    fix: str
    container: str = ""
    warning: bool = False


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


def _of_run(pod: Pod) -> Iterator[_Lack]:
    """Yield why the workload never runs its pod to an end."""
    spec, restart = pod.document.content.get("spec"), pod.spec.get("restartPolicy")
    given = spec if isinstance(spec, dict) else {}
    if pod.document.kind == "Job":
        if given.get("suspend") is True:
            yield _Lack(text="suspend: true, so that it never starts", fix="remove suspend")
        for field, effect in (("parallelism", "never starts"), ("completions", "ends before it starts")):
            if given.get(field) == 0 and given.get(field) is not False:
                yield _Lack(text=f"{field}: 0, so that it {effect}", fix=f"{field}: 1")
        if restart not in ("Never", "OnFailure"):
            yield _Lack(
                text=f"restartPolicy: {restart or 'none'}, for which Kubernetes refuses a Job",
                fix="restartPolicy: Never",
            )
    elif pod.document.kind == "Pod" and restart not in ("Never", "OnFailure"):
        yield _Lack(text=f"restartPolicy: {restart or 'none'}, so that it never ends", fix="restartPolicy: Never")


def _of_ini(pod: Pod, entry: Mapping[str, Any]) -> Iterator[_Lack]:
    """Yield the ini file with the connection, if no object puts it at its path."""
    known = variables(entry, pod.objects)
    names = words("databases")["ini"]
    path, section, key = (next((known[name].value for name in names[part] if name in known), None) for part in _INI)
    if not path or not path.startswith("/") or not section or not key:
        return
    file = file_at(pod, entry, path)
    whole = any(mount.subpath and mount.path == path for mount in mounts(pod, entry))
    if file.place is Place.IMAGE:
        yield _Lack(text=f"it reads {path}, and nothing mounts it", fix=f"mount {path} as db_init does")
    elif file.place is Place.ABSENT and not whole:
        name = f"{file.kind}/{file.name}"
        yield _Lack(text=f"it reads {path}, and {name} has no {file.key}", fix=f"add {file.key} to {name}")


def _lacks(pod: Pod, external: frozenset[str]) -> Iterator[_Lack]:
    """Yield what the pod lacks of the objects that it names.

    An object that the release does not render, and whose name is in `external`, is not the chart's: no finding.
    """
    for container, entry in pod.containers:
        for lack in (*_of_files(pod, container, entry), *_of_mounts(pod, container, entry), *_of_ini(pod, entry)):
            yield replace(lack, container=container.name)
        for source in sources(entry):
            if found := _of_object(pod, source, external):
                yield replace(found, container=container.name)
    for source in named(pod):
        if found := _of_object(pod, source, external):
            yield found


def _of_files(pod: Pod, container: Container, entry: Mapping[str, Any]) -> Iterator[_Lack]:
    for path, file in missing(pod, container, entry):
        if file.place is Place.ABSENT:
            name = f"{file.kind}/{file.name}"
            yield _Lack(text=f"it runs {path}, and {name} has no {file.key}", fix=f"add {file.key} to {name}")
        else:
            yield _Lack(text=f"it runs {path}, and nothing mounts it", fix=f"mount {path} from a ConfigMap")


def _of_mounts(pod: Pod, container: Container, entry: Mapping[str, Any]) -> Iterator[_Lack]:
    run = {path for path, _ in missing(pod, container, entry)}
    # For a key that does not exist Kubernetes makes an empty folder: that harms only a container that reads the path.
    read = {variable.value for variable in variables(entry, pod.objects).values()} | set(argv(entry))
    known = {str(volume.get("name")) for volume in dicts(pod.spec.get("volumes"))}
    for mount in mounts(pod, entry):
        if str(mount.volume.get("name") or "") not in known:
            yield _Lack(
                text=f"it mounts at {mount.path} a volume that the pod does not have",
                fix=f"add to the Job's volumes what it mounts at {mount.path}",
            )
        elif mount.subpath and mount.path in read and mount.path not in run:
            file = file_at(pod, entry, mount.path)
            if file.place is Place.ABSENT:
                name = f"{file.kind}/{file.name}"
                yield _Lack(
                    text=f"it mounts {file.key} of {name}, which has no such key", fix=f"add {file.key} to {name}"
                )


def _of_object(pod: Pod, source: Source, external: frozenset[str]) -> _Lack | None:
    """Say what is missing of an object that the pod names: the object, a key of it, or the object at pre-delete."""
    if source.optional or not source.name:
        return None
    name = f"{source.kind}/{source.name}"
    document = pod.objects.get(source.kind, source.name)
    if document is None:
        if source.name in external or pod.objects.mentions(source.name):
            return None
        return _Lack(
            text=f"it needs {name}, which the release does not have",
            fix=f"add {name} to the release, or take its name from values",
        )
    data = pod.objects.data(source.kind, source.name) if source.kind in ("ConfigMap", "Secret") else None
    if source.key and data is not None and source.key not in data:
        return _Lack(
            text=f"it needs the key {source.key} of {name}, which has no such key", fix=f"add {source.key} to {name}"
        )
    gone = absence(pod, document)
    return _Lack(text=f"{name} {gone.reason}", fix=gone.fix) if gone else None


def _rights(chart: RenderedChart, pod: Pod, drops: tuple[Pod, ...], external: frozenset[str]) -> Iterator[_Lack]:
    """Yield each RoleBinding of the pod's ServiceAccount that gives it nothing when the Job runs, or its Role."""
    lost = {binding.name: lacks for binding in bindings(pod) if (lacks := _of_binding(pod, binding, external))}
    left = len(lost) < len(bindings(pod))
    certain = not shared_account(pod, drops) or ((asks_cluster(pod) or _checks(chart, pod)) and not left)
    for lack in (lack for lacks in lost.values() for lack in lacks):
        yield lack if certain else replace(lack, warning=True)


def _checks(chart: RenderedChart, pod: Pod) -> bool:
    """Whether a container of the pod checks dependencies, which asks the cluster."""
    return any(performs(chart, container, entry, "dep_check") for container, entry in pod.containers)


def _of_binding(pod: Pod, binding: Document, external: frozenset[str]) -> list[_Lack]:
    """Return why a binding gives no right: it or its role does not exist then. One cause of both is one lack."""
    kind, name = role(binding)
    parts = [Source(kind=binding.kind, name=binding.name, key="")]
    # A ClusterRole may be the cluster's own.
    if kind == "Role" or pod.objects.get(kind, name):
        parts.append(Source(kind=kind, name=name, key=""))
    found = [lack for part in parts if (lack := _of_object(pod, part, external))]
    reasons = [lack.text.partition(" ")[2] for lack in found]
    if len(found) > 1 and reasons[0] == reasons[1]:
        second = f"{kind}/{name}"
        return [_Lack(text=f"{found[0].text}, and so is {second}", fix=f"{found[0].fix}; the same for {second}")]
    return found
