"""KEY-4: each standard key reaches the containers of its own function."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from osh_conformance.manifests.pods import pods, renderings
from osh_conformance.model.chart import STANDARD_KEYS, Role
from osh_conformance.model.finding import Verdict
from osh_conformance.model.rule import Rule
from osh_conformance.rules.registry import static_rule
from osh_conformance.rules.shared import places
from osh_conformance.rules.shared.image_keys import (
    by_appearance,
    by_key,
    ends,
    in_name,
    lent_by,
    named_after,
    runs_forever,
    says,
    without_section,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from osh_conformance.model.chart import Container, RenderedChart

RULE = Rule(
    id="KEY-4",
    title="each standard key reaches the containers of its own function, and of no other's",
    source="db_sync: the image that will perform database sync ...; a sentence for each key",
    why="overriding the container's own key has no effect; overriding the other key has an unexpected one",
    fix="take the image from the key of the container's own function",
    blind=(
        "what a program really does: its name and the container's decide, by a list of words; programs that a "
        "script calls; pods that an operator makes of a custom resource"
    ),
    before='# the bootstrap Job\ncontainers:\n  - name: bootstrap\n    image: "{{ .Values.images.db_init }}"\n',
    after='# the bootstrap Job\ncontainers:\n  - name: bootstrap\n    image: "{{ .Values.images.bootstrap }}"\n',
)


@static_rule(RULE)
def check(chart: RenderedChart) -> Verdict:
    """Check what each container performs, by its program or its name (`data/vocabulary/functions.yaml`).

    It fails if the key is another standard function's, or if the function has a key of its own that has no effect
    there. It also fails if dep_check runs as anything but an init container. A name without a known word fails in two
    cases. The workload runs for ever, and the key is that of a function which ends: an API on `db_sync`. Or an image
    key has the container's name and has no effect there, while the key that has one is a standard key, or no container
    at all has the first. Two functions have no standard key: `rabbit-init` may run on the image of `bootstrap`,
    `rabbit-drop` on `db_drop`'s.
    """
    if not chart.images_path:
        return Verdict.not_applicable(RULE.id, without_section(chart.convention))
    wrong: defaultdict[tuple[str, str, str, str], dict[str, Container]] = defaultdict(dict)
    checked = False
    for container, entry in _with_entries(chart):
        checked = True
        if found := _misplaced(chart, container, entry):
            cause = (container.template, str(container.key), found, by_appearance(container, entry))
            wrong[cause].setdefault(container.label, container)
    if not checked:
        return Verdict.not_applicable(RULE.id, "no key reaches a container")
    findings = [
        RULE.finding(
            places.of_containers(chart, list(containers.values()), key=f"{chart.images_path}.{key}", own=True),
            found=f"the image of `{key}` {found}",
            expected="for each function the image of its own key",
            fix=f"image: {{{{ .Values.{chart.images_path}.{_right_key(chart, key, performs, containers)} }}}}",
        )
        for (_, key, found, performs), containers in wrong.items()
    ]
    return Verdict.of(RULE.id, findings)


def _right_key(chart: RenderedChart, key: str, performed: str, containers: Mapping[str, Container]) -> str:
    own = {other for other, function in chart.functions.items() if performed and performed in (function, other)}
    own = own or {other for container in containers.values() for other in named_after(chart, container)}
    own -= {key}
    return own.pop() if len(own) == 1 else "<key of the function>"


def _with_entries(chart: RenderedChart) -> Iterator[tuple[Container, Mapping[str, object]]]:
    seen = set()
    for rendering in renderings(chart):
        for pod in pods(chart, rendering):
            for container, entry in pod.containers:
                if container.position not in seen and container.key:
                    seen.add(container.position)
                    yield container, entry


def _misplaced(chart: RenderedChart, container: Container, entry: Mapping[str, object]) -> str:
    """Say which function the container performs with another's image; nothing if its key is right, or unknown."""
    key = str(container.key)
    of_key = by_key(chart, key)
    performed = by_appearance(container, entry)
    if of_key == "dep_check" and container.role is not Role.INIT:
        return "in a container that is no init container"
    if not performed:
        return _misplaced_component(chart, container, entry)
    if performed == of_key or performed in in_name(key):
        return ""
    if of_key in lent_by(performed) and all(by_key(chart, other) != performed for other in chart.functions):
        return ""
    if of_key in STANDARD_KEYS:
        return f"performs {performed}"
    own = sorted(other for other, function in chart.functions.items() if performed in (function, other))
    return f"performs {performed}, and {' and '.join(own)} has no effect there" if own else ""


def _misplaced_component(chart: RenderedChart, container: Container, entry: Mapping[str, object]) -> str:
    """Say why a container that performs no known function needs another key than its own, nothing if it may not."""
    key = str(container.key)
    function = chart.functions.get(key, "")
    own = named_after(chart, container) - {key}
    used = {other.key for other in chart.every_container}
    if own and key not in named_after(chart, container) and (function in STANDARD_KEYS or not own & used):
        return f"runs a component, and {' and '.join(sorted(own))} has no effect there"
    if ends(function) and runs_forever(container) and not says(container, entry, function):
        return "runs a component that does not end"
    return ""
