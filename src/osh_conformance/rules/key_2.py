"""KEY-2: every container has an image."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from osh_conformance.manifests.pods import renderings
from osh_conformance.model.finding import Verdict
from osh_conformance.model.rule import Rule
from osh_conformance.rules.registry import static_rule
from osh_conformance.rules.shared import places

if TYPE_CHECKING:
    from osh_conformance.model.chart import Container, RenderedChart

RULE = Rule(
    id="KEY-2",
    title="every container has an image, as shipped and with everything switched on",
    source="Kubernetes requires an image of each container",
    why="the API server refuses the workload, at install or (for a hook) in the middle of an uninstall",
    fix="declare the key that the template uses in the images section",
    blind=(
        "pods that an operator makes of a custom resource; values that an operator of the chart adds; "
        "combinations of toggles: all are on together where that renders, not each with each"
    ),
    before=(
        "# the drop Job: `image: {{ .Values.images.db_drop }}`\nimages:\n  db_init: docker.io/kolla/keystone:18.0.1\n"
    ),
    after=(
        "# the drop Job: `image: {{ .Values.images.db_drop }}`\nimages:\n  db_init: docker.io/kolla/keystone:18.0.1\n"
        "  db_drop: docker.io/kolla/keystone:18.0.1\n"
    ),
)


@static_rule(RULE)
def check(chart: RenderedChart) -> Verdict:
    """Check every container as shipped, with the drop Job, and with every toggle on that renders."""
    if not chart.every_container:
        return Verdict.not_applicable(RULE.id, "the chart renders no container")
    where = f" in `{chart.images_path}`" if chart.images_path else ""
    without: defaultdict[tuple[str, str], dict[str, Container]] = defaultdict(dict)
    every = [container for rendering in renderings(chart) for container in rendering.containers]
    for container in every or chart.containers:
        if not container.image:
            without[container.template, container.name].setdefault(container.label, container)
    findings = [
        RULE.finding(
            places.of_containers(chart, list(containers.values()), own=True),
            found="no image",
            expected="an image, as shipped and with each toggle on",
            fix=f"declare the {'key' if chart.images_path else 'value'} that the template uses{where}",
        )
        for containers in without.values()
    ]
    return Verdict.of(RULE.id, findings)
