"""Repairs REF-1: a reference in values that names no registry host, or no namespace."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from osh_conformance.manifests.vocabulary import words
from osh_conformance.model.repair import Repair
from osh_conformance.reference import InvalidReferenceError, parse
from osh_conformance.repairs.problem import UncertainError
from osh_conformance.repairs.registry import repair
from osh_conformance.repairs.shared.values_file import ValuesFile
from osh_conformance.rules.shared.image_references import repository

if TYPE_CHECKING:
    from collections.abc import Mapping

    from osh_conformance.model.finding import Finding
    from osh_conformance.repairs.problem import Problem


@repair("REF-1")
def written_in_full(problem: Problem) -> Repair:
    """Write the registry host that Docker adds (`docker.io`), and `library` where it adds that, into values.

    The place has the whole reference or its repository. A repository beside a key for the registry stays as it is:
    whether the host belongs there only the templates say.
    """
    finding = problem.finding
    if not finding.key:
        raise UncertainError("the reference is not in a value of its own")
    if registry := _empty_registry(problem.chart.effective, ""):
        raise UncertainError(f"the host may belong to {registry}, which is empty")
    values = ValuesFile(problem.source)
    here = _place(values, finding)
    name, full = repository(finding.shared), _full_name(finding)
    places = {here, *(_beside(values, here) if problem.path != "values.yaml" else ())}
    alike = {other: place for other in problem.alike if (place := _place_or_none(values, other))}
    scalars = [values.scalar(place) for place in sorted(places)]
    wanted = places | {place for other, place in alike.items() if other.shared == finding.shared}
    if others := sorted(frozenset().union(*(scalar.uses for scalar in scalars)) - wanted):
        raise UncertainError(f"an alias repeats the value at {others[0]}, which has no such finding")
    edits = {scalar.start: problem.source.edit(scalar.inside, scalar.inside + len(name), full) for scalar in scalars}
    uses = frozenset().union(*(scalar.uses for scalar in scalars))
    findings = tuple(other for other in problem.alike if alike.get(other) in uses and other.shared == finding.shared)
    return Repair(findings=findings, edits=tuple(edits[start] for start in sorted(edits)))


def _empty_registry(values: Mapping[str, Any], prefix: str) -> str:
    """Return the path of an empty value that can hold nothing but a registry host, "" if there is none."""
    for key, value in values.items():
        if isinstance(value, dict):
            if found := _empty_registry(value, f"{prefix}{key}."):
                return found
        elif value in (None, "") and re.fullmatch(words("references")["registries"], str(key)):
            return f"{prefix}{key}"
    return ""


def _full_name(finding: Finding) -> str:
    try:
        return parse(finding.shared).name
    except InvalidReferenceError as error:
        raise UncertainError("the reference does not parse") from error


def _place(values: ValuesFile, finding: Finding) -> str:
    """Return the path of the value that begins with the reference's repository."""
    name = repository(finding.shared)
    if values.is_text(finding.key):
        if values.value(finding.key) not in (finding.shared, name):
            raise UncertainError("the file has another text there")
        return finding.key
    parts = values.below(finding.key)
    registry = re.compile(words("references")["keys"]["registry"])
    if named := [part for part in parts if registry.fullmatch(part.rpartition(".")[2])]:
        raise UncertainError(f"the host may belong to {named[0]}")
    found = [part for part in parts if values.is_text(part) and values.value(part) == name]
    if len(found) != 1:
        raise UncertainError("no single value holds the repository")
    return found[0]


def _place_or_none(values: ValuesFile, finding: Finding) -> str | None:
    try:
        return _place(values, finding)
    except UncertainError:
        return None


def _beside(values: ValuesFile, place: str) -> list[str]:
    """Return the other keys of the same section with the same text: a finding about an override means them too."""
    section, text = place.rpartition(".")[0], values.value(place)
    return [other for other in values.below(section) if values.is_text(other) and values.value(other) == text]
