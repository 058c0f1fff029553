"""REF-4: every image reference parses."""

from __future__ import annotations

import posixpath
from dataclasses import replace
from typing import TYPE_CHECKING

from osh_conformance.model.finding import Location, Verdict
from osh_conformance.model.rule import Rule
from osh_conformance.rules.registry import static_rule
from osh_conformance.rules.shared import places
from osh_conformance.rules.shared.image_references import images_of_numbers, uses
from osh_conformance.rules.shared.invalid_references import empty_value, fault

if TYPE_CHECKING:
    from osh_conformance.model.chart import RenderedChart, UnquotedNumber
    from osh_conformance.model.finding import Finding
    from osh_conformance.rules.shared.image_references import Use
    from osh_conformance.rules.shared.invalid_references import Fault

RULE = Rule(
    id="REF-4",
    title="every reference parses, and is what its file says",
    source="the grammar of OCI image references (distribution/reference)",
    why="no container runtime can pull an invalid reference; pods stay in InvalidImageName",
    fix="write host/repository:tag, the repository in lower case",
    blind=(
        "whether the image exists: no registry is asked; references in custom resources of operators, in "
        "variables such as RELATED_IMAGE_*, in arguments and scripts"
    ),
    before="images:\n  db_sync: docker.io/Kolla/keystone:18.0.1\n",
    after="images:\n  db_sync: docker.io/kolla/keystone:18.0.1\n",
)


@static_rule(RULE)
def check(chart: RenderedChart) -> Verdict:
    """Check declared references, rendered ones, and those of values overrides.

    No other rule reports a reference that does not parse. A placeholder that a release process was to fill in is named
    as one, and so is a part that is missing because a value is empty. A number that is not quoted in values or
    Chart.yaml, and runs as another text (`tag: 1.10` runs 1.1), is reported at its line.
    """
    by_number = images_of_numbers(chart)
    faults = [(use, fault(use.text)) for use in uses(chart) if use.text not in by_number]
    numbers = [_of_number(chart, number) for number in chart.numbers]
    return Verdict.of(RULE.id, [*numbers, *(_of_fault(chart, use, found) for use, found in faults if found)])


def _of_fault(chart: RenderedChart, use: Use, found: Fault) -> Finding:
    also = f"; also {', '.join(use.more)}" if use.more else ""
    place, fix = use.place(chart), found.fix or use.set_to("<host>/<repository>:<version>")
    if found.part and not use.key and use.containers:
        empty = empty_value(chart, found.part, use.containers[0].template)
        if empty:
            also, fix = f" (`{empty}`){also}", f"{empty}: <{found.part}>"
        if line := chart.values.lines.get(empty):
            place = replace(places.of_value(chart, empty, line, use.containers), shared=place.shared)
    return RULE.finding(place, found=found.found + also, expected=found.expected, fix=fix, cause=use.cause)


def _of_number(chart: RenderedChart, number: UnquotedNumber) -> Finding:
    name = number.key.rpartition(".")[2]
    images = sorted({str(container.image) for container in number.containers})
    return RULE.finding(
        Location(
            chart=chart.name,
            path=posixpath.normpath(chart.folder + number.path),
            line=number.line,
            key=number.key,
            containers=tuple(container.label for container in number.containers),
        ),
        found=f"{name}: {number.text}  (a number without quotes: {', '.join(images)} runs)",
        expected=f"the text {number.text} in the reference",
        why="a YAML number has no text of its own: Helm writes 1.10 as 1.1, 010 as 8, and 20240101 as 2.0240101e+07",
        fix=f'quote it: {name}: "{number.text}"',
    )
