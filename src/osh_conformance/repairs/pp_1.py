"""Repairs PP-1: a container with a pull policy of its own, or with none."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from osh_conformance.manifests.template_text import open_blocks
from osh_conformance.model.chart import PULL_POLICIES
from osh_conformance.model.repair import Repair
from osh_conformance.repairs.problem import UncertainError
from osh_conformance.repairs.registry import repair
from osh_conformance.repairs.shared.template import checked, key_line, may_print, section_around

if TYPE_CHECKING:
    from osh_conformance.repairs.problem import Problem, Source

_FIELD: Final = "imagePullPolicy"
#: A path that a template can name with dots.
_PATH: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)
#: The image of a container, as a value that ends on its line.
_IMAGE: Final = re.compile(r"(?P<indent> *)(?P<item>(?:- +)*)image:[ \t]+(?P<value>[^|>\s][^#]*?)[ \t]*(#.*)?")
#: Within these blocks the dot is no longer the chart.
_REBIND: Final = frozenset({"with", "range", "block"})


@repair("PP-1")
def as_declared(problem: Problem) -> Repair:
    """Replace a literal `imagePullPolicy` in a template by the declared one; add it below `image` where it is missing.

    In a define it stays: callers decide what the dot is there.
    """
    finding = problem.finding
    if finding.line is None or problem.path not in problem.chart.templates:
        raise UncertainError("the line is not certain")
    path = _policy_path(problem)
    if not _PATH.fullmatch(path):
        raise UncertainError(f"a template cannot name {path} with dots" if path else "no pull policy is declared")
    source = checked(problem, problem.path)
    start, _ = source.line_span(finding.line)
    policy = f"{{{{ {_root(source, start)}.Values.{path} }}}}"
    found = key_line(source.line(finding.line), _FIELD)
    if found is None:
        edit = source.inserted_below(finding.line, _added(problem, source, finding.line) + policy)
    elif found["value"] in PULL_POLICIES:
        edit = source.edit(start + found.start("value"), start + found.end("value"), policy)
    else:
        raise UncertainError("the line has no literal policy")
    findings = tuple(other for other in problem.alike if other.line == finding.line)
    return Repair(findings=findings, edits=(edit,), objects=True)


def _added(problem: Problem, source: Source, number: int) -> str:
    """Return the begin of a line below that of the image, up to the policy."""
    image = _IMAGE.fullmatch(source.line(number))
    if image is None or not _has_none(problem):
        raise UncertainError("the line has no literal policy")
    if image["value"].count("{{") != image["value"].count("}}") or image["value"].endswith("-}}"):
        raise UncertainError("the image is not on one line")
    section = section_around(problem.chart, problem.path, number)
    item = next(field.item for field in section if field.line.number == number)
    own = [field for field in section if field.item == item and field.item is not None and field.path[-2] == "[]"]
    if not own or any(field.key == _FIELD for field in own) or may_print(problem.chart, own, _FIELD):
        raise UncertainError("the template may print a policy under a condition")
    return " " * (len(image["indent"]) + len(image["item"])) + f"{_FIELD}: "


def _has_none(problem: Problem) -> bool:
    """Whether no rendering gives one of the containers a policy."""
    chart = problem.chart
    labels = set(problem.finding.containers)
    positions = {each.position for each in chart.every_container if each.label in labels}
    found = [each for rendering in chart.renderings.values() for each in rendering.containers]
    found += [each for containers in chart.by_policy.values() for each in containers]
    return bool(positions) and all(each.pull_policy is None for each in found if each.position in positions)


def _policy_path(problem: Problem) -> str:
    """Return the dotted path of the policy: the declared one, or the one beside the image of the container."""
    chart, finding = problem.chart, problem.finding
    if chart.policy_path:
        return chart.policy_path if chart.policy is not None else ""
    labels = set(finding.containers)
    keys = {container.key for container in chart.every_container if container.label in labels}
    paths = {image.policy_path for image in chart.images if image.key in keys}
    return next(iter(paths)) if len(paths) == 1 else ""


def _root(source: Source, position: int) -> str:
    """Return what names the chart at a position, before `.Values`: nothing, or `$` where the dot is another one."""
    blocks = open_blocks(source.text, position)
    if "define" in blocks:
        raise UncertainError("the line is in a define, and its callers decide what the dot is there")
    return "" if _REBIND.isdisjoint(blocks) else "$"
