"""An independent check of four rules on charts as shipped, to hold the suite's verdicts against.

    osh-conformance check TREE --json report.json
    python tests/oracle.py TREE --report report.json [--helm PROGRAM]

It shares no code with the suite: it renders with the `helm` program, reads the manifests itself, and judges each
container by REF-1, REF-2, PP-1 and KEY-2 as the rules' pages state them. It prints each container on which the two
disagree, and exits with 1 if there is one. PP-1 is computed in full where values have `images.pull_policy`, else only
whether a container has a policy.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

RULES = ("REF-1", "REF-2", "PP-1", "KEY-2")
_POLICIES = ("Always", "IfNotPresent", "Never")
_LISTS = ("initContainers", "containers", "ephemeralContainers")
_WORKLOADS = {
    "Pod": "spec",
    "PodTemplate": "template.spec",
    "CronJob": "spec.jobTemplate.spec.template.spec",
    **dict.fromkeys(
        ("Deployment", "DaemonSet", "StatefulSet", "ReplicaSet", "ReplicationController", "Job"), "spec.template.spec"
    ),
}
#: host[:port]/ in front, a path in lower case, a tag, a digest.
_GRAMMAR = re.compile(
    r"((?P<host>localhost|[\w-]+(?:\.[\w-]+)+|(?=[\w-]*[A-Z])[\w-]+|[\w.-]+(?=:[0-9]+/))(?P<port>:[0-9]+)?/)?"
    r"(?P<path>[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)(?::(?P<tag>\w[\w.-]{0,127}))?(?P<digest>@sha\d+:[0-9a-f]{64,128})?",
    re.ASCII,
)


class _Loader(yaml.SafeLoader):
    """Reads a lone `=` and dates as texts, as Kubernetes does."""


for _tag in ("value", "timestamp"):
    yaml.add_constructor(f"tag:yaml.org,2002:{_tag}", lambda _, node: str(node.value), _Loader)


@dataclass
class Seen:
    """A container as it renders."""

    label: str
    image: str
    policy: str
    place: tuple[str, str, str, int] = ("", "", "", 0)


@dataclass
class Judged:
    """A chart: its containers, and the labels of those that each rule accuses. `error`: why it was not rendered."""

    name: str
    folder: str
    containers: list[Seen] = field(default_factory=list)
    accused: dict[str, dict[str, str]] = field(default_factory=lambda: {rule: {} for rule in RULES})
    error: str = ""
    full_policy: bool = False

    def ends(self, label: str) -> bool:
        """Whether a path that the suite uses as the chart's label leads to its folder."""
        return label.endswith(f"/{self.folder}/")


def judge(tree: Path, helm: str) -> list[Judged]:
    """Judge every chart of a tree."""
    folders = charts(tree)
    names = {_metadata(folder).get("name"): folder for folder in folders}
    applications = [folder for folder in folders if _metadata(folder).get("type") != "library"]
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda folder: _judged(folder, tree, names, helm), applications))


def charts(tree: Path) -> list[Path]:
    """Return the folders of the charts in a tree, without those below another chart."""
    found: list[Path] = []
    for folder, below, files in os.walk(tree):
        if "Chart.yaml" in files:
            found.append(Path(folder))
            below.clear()
        below[:] = sorted(name for name in below if not name.startswith("."))
    return sorted(found)


def _metadata(folder: Path) -> dict[str, Any]:
    found = yaml.load((folder / "Chart.yaml").read_text(encoding="utf-8"), _Loader)  # noqa: S506 - a safe loader
    return found if isinstance(found, dict) else {}


def _judged(folder: Path, tree: Path, names: dict[Any, Path], helm: str) -> Judged:
    chart = Judged(name=str(_metadata(folder).get("name")), folder=os.path.relpath(folder, tree))
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "chart"
        try:
            staged = _stage(folder, copy, names, ())
        except (OSError, LookupError) as error:
            chart.error = str(error)
            return chart
        shipped = _render(copy, helm, ())
        for values in sorted((copy / "ci").glob("*-values.yaml")) if isinstance(shipped, str) else ():
            if isinstance(other := _render(copy, helm, ("--values", str(values))), list):
                chart.error = f"renders only with ci/{values.name}"
                shipped = other
                break
        if isinstance(shipped, str):
            chart.error = shipped
            return chart
        own = [each for each in shipped if _belongs(each, staged)]
        chart.containers = own
        for each in own:
            _accuse(chart, each)
        _policies(chart, copy, helm, own)
    return chart


def _stage(folder: Path, copy: Path, names: dict[Any, Path], chain: tuple[Path, ...]) -> set[str]:
    """Copy a chart with the dependencies that lie beside it; return the names of those."""
    if folder.resolve() in chain:
        raise LookupError(f"{folder} depends on itself")
    shutil.copytree(folder, copy, symlinks=False, ignore_dangling_symlinks=True)
    staged = set()
    wanted = list(_metadata(folder).get("dependencies") or ())
    if (copy / "requirements.yaml").is_file():
        further = yaml.load((copy / "requirements.yaml").read_text(), _Loader) or {}  # noqa: S506 - a safe loader
        wanted += further.get("dependencies") or ()
    for entry in wanted:
        name, inside = str(entry["name"]), copy / "charts"
        if (inside / name).is_dir() or any(inside.glob(f"{name}-[0-9v]*.tgz")) or any(inside.glob(f"{name}.tgz")):
            continue
        url = str(entry.get("repository") or "")
        source = folder / url.removeprefix("file://") if url.startswith("file://") else names.get(name)
        if source is None or not (source / "Chart.yaml").is_file():
            raise LookupError(f"the dependency {name} is not there")
        _stage(source.resolve(), inside / name, names, (*chain, folder.resolve()))
        staged.add(name)
    return staged


def _belongs(container: Seen, staged: set[str]) -> bool:
    """Whether a container is the chart's own, or of a chart that it has inside of it."""
    below = re.match(r"[^/]+/charts/([^/]+)/", container.place[0])
    return below is None or below[1] not in staged


def _render(chart: Path, helm: str, options: tuple[str, ...]) -> list[Seen] | str:
    """Return the containers of a rendering, or helm's error."""
    home = {name: str(chart.parent / "home") for name in ("HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME")}
    done = subprocess.run(
        [helm, "template", "conformance", str(chart), "--namespace", "conformance", *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
        env={"PATH": os.environ["PATH"], "HOME": str(chart.parent), "KUBECONFIG": os.devnull, **home},
    )
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["helm failed"])[-1]
    try:
        return _containers(done.stdout)
    except yaml.YAMLError as error:
        return f"no YAML: {error}"


def _containers(output: str) -> list[Seen]:
    found: list[Seen] = []
    template = ""
    for text in re.split(r"^---.*$", output, flags=re.MULTILINE):
        if source := re.search(r"^# Source: (.+)$", text, re.MULTILINE):
            template = source[1].strip()
        for document in yaml.load_all(text, _Loader):
            for item in _items(document):
                found += _of_workload(item, template)
    for index, each in enumerate(found):
        same = sum(other.place[:3] == each.place[:3] for other in found[:index])
        each.place = (*each.place[:3], same)
    return found


def _items(document: Any) -> list[dict[str, Any]]:
    if not isinstance(document, dict):
        return []
    if str(document.get("kind", "")).endswith("List") and isinstance(document.get("items"), list):
        kind = str(document["kind"]).removesuffix("List")
        return [{"kind": kind, **item} for item in document["items"] if isinstance(item, dict)]
    return [document]


def _of_workload(item: dict[str, Any], template: str) -> list[Seen]:
    kind = str(item.get("kind"))
    if kind not in _WORKLOADS:
        return []
    spec: Any = item
    for step in _WORKLOADS[kind].split("."):
        spec = spec.get(step) if isinstance(spec, dict) else None
    metadata = item.get("metadata") or {}
    workload = metadata.get("name") or metadata.get("generateName") or ""
    found = []
    for name in _LISTS if isinstance(spec, dict) else ():
        for entry in spec.get(name) or ():
            label = f"{kind}/{workload} {entry.get('name', '')}"
            image, policy = (str(entry.get(key) or "") for key in ("image", "imagePullPolicy"))
            place = (template, kind, str(entry.get("name", "")), 0)
            found.append(Seen(label=label, image=image, policy=policy, place=place))
    return found


def _accuse(chart: Judged, container: Seen) -> None:
    if not container.image:
        chart.accused["KEY-2"][container.label] = "no image"
        return
    reference = _GRAMMAR.fullmatch(container.image)
    if reference is None or container.image == "auto":  # REF-4, or replaced by Istio
        return
    if not reference["host"]:
        chart.accused["REF-1"][container.label] = container.image
    if not reference["digest"] and reference["tag"] in (None, "latest"):
        chart.accused["REF-2"][container.label] = container.image


def _policies(chart: Judged, copy: Path, helm: str, own: list[Seen]) -> None:
    """Accuse containers that have no policy, or do not follow `images.pull_policy`."""
    accused = chart.accused["PP-1"]
    for each in own:
        if not each.policy:
            accused[each.label] = "no imagePullPolicy"
    file = copy / "values.yaml"
    values = yaml.load(file.read_text(), _Loader) if file.is_file() else {}  # noqa: S506 - a safe loader
    images = values.get("images") if isinstance(values, dict) else None
    if chart.error or not isinstance(images, dict):
        return
    labels = {each.place: each.label for each in own}
    wrong: dict[str, str] = {}
    for policy in _POLICIES:
        rendered = _render(copy, helm, ("--set", f"images.pull_policy={policy}"))
        if isinstance(rendered, str):
            return
        for each in rendered:
            if each.place in labels and each.policy != policy:
                wrong.setdefault(labels[each.place], f"{each.policy or 'no policy'} when {policy} is set")
    if images.get("pull_policy") is None:
        # A container that follows the place lacks nothing but the value there, which is PP-2's.
        for label in accused.keys() - wrong.keys():
            del accused[label]
    else:
        chart.full_policy = True
        accused.update({label: found for label, found in wrong.items() if label not in accused})


def disagreements(judged: list[Judged], report: dict[str, Any]) -> list[str]:
    """Return a line for each container on which the report and the oracle disagree, and for each chart unjudged."""
    lines = []
    for chart in judged:
        found = [each for each in report["findings"] if _is_about(each, chart, judged)]
        failed = [each["found"] for each in found if each["status"] == "error"]
        if not chart.containers and chart.error:
            lines += [] if failed else [f"{chart.folder}: the oracle does not render it: {chart.error}"]
            continue
        if failed:
            lines.append(f"{chart.folder}: only the oracle renders it: {failed[0]}")
            continue
        seen = _seen(chart, report)
        if seen < len(chart.containers):
            lines.append(f"{chart.folder}: the suite saw {seen} containers of {len(chart.containers)}")
        shipped = {each.label for each in chart.containers}
        for rule in RULES:
            ours = {
                label: finding["found"]
                for finding in found
                if finding["rule"] == rule and finding["status"] in ("fail", "expected")
                for label in finding["containers"] or [f"{finding['workload']} {finding['container']}"]
            }
            theirs = chart.accused[rule]
            lines += [f"{chart.folder}: {rule} misses {x}: {theirs[x]}" for x in sorted(theirs.keys() - ours.keys())]
            lines += [
                f"{chart.folder}: {rule} alone accuses {label}: {ours[label]}"
                for label in sorted((ours.keys() & shipped) - theirs.keys())
                if rule != "PP-1" or chart.full_policy
            ]
    return lines


def _seen(chart: Judged, report: dict[str, Any]) -> int:
    """Return how many containers of a chart the suite saw, as shipped and in other renderings."""
    labels = [(each["containers"], f"/{each['chart']}/") for each in report["charts"]]
    return max((number for number, label in labels if label == f"/{chart.name}/" or chart.ends(label)), default=0)


def _is_about(finding: dict[str, Any], chart: Judged, judged: list[Judged]) -> bool:
    if sum(other.name == chart.name for other in judged) > 1:
        return f"/{chart.folder}/" in f"/{finding['path']}/"
    return bool(finding["chart"] == chart.name)


def main() -> int:
    """Compare a tree with a report; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tree", type=Path)
    parser.add_argument("--report", type=Path, required=True, help="what `osh-conformance check --json` wrote")
    parser.add_argument("--helm", default=os.environ.get("OSH_CONFORMANCE_HELM") or "helm", help="the helm program")
    args = parser.parse_args()
    judged = judge(args.tree, args.helm)
    lines = disagreements(judged, json.loads(args.report.read_text(encoding="utf-8")))
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    rendered = [chart for chart in judged if chart.containers or not chart.error]
    accused = {rule: sum(len(chart.accused[rule]) for chart in judged) for rule in RULES}
    sys.stdout.write(
        f"{len(rendered)} of {len(judged)} charts, {sum(len(chart.containers) for chart in judged)} containers, "
        f"accused: {accused}, {len(lines)} disagreements\n"
    )
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
