"""The section about one chart whose drop Job is broken, with a text that could be sent to its maintainers."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from osh_conformance.report.markup import code
from osh_conformance.report.pages.markdown import one_line, rule, with_evidence
from osh_conformance.report.pages.removal_verdicts import Cause, lacks_image, refusal_of, works_with_image

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from osh_conformance.model.result import RemovedData
    from osh_conformance.report.pages.removal_verdicts import Judged
    from osh_conformance.report.pages.run_document import WrittenFinding

_WIDTH = 100
_ORDINALS = ("First cause", "Second cause", "Third cause")
_TEMPLATES = "templates/"
#: The rules about what the drop Job runs and drops: their findings explain why it fails.
_EXPLAIN = ("DROP-2", "DROP-3")
_GIVE_IMAGE = (
    "Give the images section a reference for the drop Job, as it has one for the Job that creates the database."
)
_ANY_FIX = "Let the drop Job drop what the chart's other Job creates, and fail only if it cannot."


def section(judged: Judged, name: str, shared: AbstractSet[str]) -> Iterator[str]:
    """Yield the lines of the section. `shared` are the causes of static findings that the page tells elsewhere."""
    own = [finding for finding in judged.static if finding.cause not in shared]
    yield from (f"### {name}", "")
    if judged.removed:
        yield from (f"{_happened(judged, judged.removed)} {_stays(judged.removed)}".strip(), "")
    for ordinal, cause in zip(_ORDINALS, _all_causes(judged, own), strict=False):
        yield f"- **{ordinal}**: {with_evidence(cause.sentence, cause.evidence)}"
    if judged.removed and works_with_image(judged.removed):
        yield "- With an image for the Job it works."
    if template := _template(judged):
        yield f"- **Template**: {code(template)}"
    for finding in own:
        yield f"- {rule(finding.rule)}, {code(finding.place)}: {one_line(finding.found)}"
    told = sorted({finding.rule for finding in judged.static if finding.cause in shared})
    if told:
        yield f"- {', '.join(map(rule, told))}: as in many charts, see below"
    for other in judged.others:
        yield f"- {one_line(other)}"
    yield from ("", "Text for a bug report:", "", "```", *_bug_report(judged, own), "```", "")


def _all_causes(judged: Judged, own: Sequence[WrittenFinding]) -> list[Cause]:
    """Return what the run shows; of a Job that had no image and got none also what its templates show behind that."""
    if judged.removed is None or judged.removed.with_image or not lacks_image(judged.removed):
        return list(judged.causes)
    behind = [
        Cause(sentence="with an image for the Job it would still fail", evidence=finding.found)
        for finding in own
        if finding.rule in _EXPLAIN
    ]
    return [*judged.causes, *behind]


def _template(judged: Judged) -> str:
    """Return the chart's template of the drop Job, as far as a static finding names it."""
    return next((each.template for each in judged.static if each.workload and _TEMPLATES in each.template), "")


def _happened(judged: Judged, removed: RemovedData) -> str:
    """Say how `helm uninstall` ended."""
    call = f"`helm uninstall {removed.release}`"
    switch = f"With `{judged.cell.switch}: true`, " if judged.cell.switch and removed.expected == "dropped" else ""
    if refusal_of(removed):
        return f"{switch}{call} fails with exit code {removed.code}: the API server refuses the drop Job."
    if removed.repeated_failure:
        return f"{switch}{call} waits for its timeout and fails: the drop Job fails each time with the same error."
    if removed.code:
        return f"{switch}{call} fails with exit code {removed.code} after {removed.seconds:.0f} s."
    return f"{switch}{call} ends with exit code 0."


def _stays(removed: RemovedData) -> str:
    """Say what is left on the server, or was dropped and should not have been; "" if neither."""
    if removed.left:
        return f"These stay on the database server: {', '.join(removed.left)}."
    lost = removed.dropped if removed.expected != "dropped" else ()
    return f"It dropped: {', '.join(lost)}." if lost else ""


# -- the text for a bug report ----------------------------------------------------------------------------------------


def _bug_report(judged: Judged, own: Sequence[WrittenFinding]) -> Iterator[str]:
    """Yield its lines: plain text, so that any tracker takes it."""
    removed = judged.removed
    yield _title(judged)
    yield from ("", "What happens", "")
    if removed:
        yield from _paragraph(f"{_happened(judged, removed)} {_stays(removed)}".strip())
    if judged.causes[0].evidence:
        yield from ("", f"    {judged.causes[0].evidence}")
    yield from ("", "Why", "")
    for reason in _reasons(judged, own):
        yield from _item(reason)
    yield from ("", "How to reproduce", "", *_commands(judged), "", "Suggested fix", "")
    for fix in _fixes(judged, own):
        yield from _item(fix)


def _title(judged: Judged) -> str:
    removed, chart = judged.removed, judged.cell.chart
    if removed and removed.left:
        return f"{chart}: helm uninstall {'fails and ' if removed.code else ''}leaves {', '.join(removed.left)} behind"
    return f"{chart}: {judged.causes[0].sentence.replace('`', '')}"


def _reasons(judged: Judged, own: Sequence[WrittenFinding]) -> Iterator[str]:
    removed = judged.removed
    if removed and lacks_image(removed):
        yield "The drop Job renders without an image."
    if removed and removed.with_image:
        yield "With an image it works." if works_with_image(removed) else f"With an image for it: {removed.with_image}"
    explained = [finding for finding in own if finding.rule in _EXPLAIN]
    yield from (f"{finding.found} ({finding.template})" for finding in explained)
    if not explained and not (removed and lacks_image(removed)):
        yield "The line above is the last one of the drop Job, or of helm."


def _commands(judged: Judged) -> Iterator[str]:
    """Yield plain helm commands: first the manifest, which needs no cluster, then the uninstall."""
    chart, cell = judged.removed.release if judged.removed else judged.cell.chart, judged.cell
    switch = f" --set {cell.switch}=true" if cell.switch else ""
    yield f"    helm dependency update {cell.chart}"
    template = _template(judged)
    if template:
        shown = f"{_TEMPLATES}{template.rpartition(_TEMPLATES)[2]}"
        refused = " | kubectl create --dry-run=server -f -" if judged.removed and refusal_of(judged.removed) else ""
        yield f"    helm template {chart} {cell.chart}{switch} \\"
        yield f"        --show-only {shown}{refused}"
    yield f"    helm install {chart} {cell.chart}{switch} --values my-images-and-servers.yaml"
    yield f"    helm uninstall {chart}"


def _fixes(judged: Judged, own: Sequence[WrittenFinding]) -> list[str]:
    image = [_GIVE_IMAGE] if judged.removed and lacks_image(judged.removed) else []
    told = [f"{finding.fix}." for finding in own if finding.rule in _EXPLAIN]
    return list(dict.fromkeys([*image, *told])) or [_ANY_FIX]


def _paragraph(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False)


def _item(text: str) -> list[str]:
    plain = " ".join(text.split())
    if plain.partition(" ")[0].isalpha():  # the name of a function or field keeps its first letter
        plain = f"{plain[:1].upper()}{plain[1:]}"
    return textwrap.wrap(f"- {plain}", _WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
