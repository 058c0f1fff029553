"""That a cell was what it says: its images came in its packaging format, its pods ran under its container runtime.

A cell that was not tells nothing about the chart: `SuiteError`, never a finding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.errors import SuiteError
from osh_conformance.live.runtimes import class_name
from osh_conformance.registry import images, packaging

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from osh_conformance.model.matrix import ContainerRuntime, PackagingFormat
    from osh_conformance.model.observation import Observation
    from osh_conformance.registry.log import RegistryRequest

_OK = 200


def check_format(
    observation: Observation, form: PackagingFormat, references: Collection[str], requests: Sequence[RegistryRequest]
) -> None:
    """Hold each image of a chart's images section to the media types of its format, as a node fetched it."""
    expected = packaging.media_types(form)
    fetched = {(each.repository, each.reference) for each in requests if each.status == _OK}
    started = {container.image for container in observation.containers if container.ran}
    for image in observation.images:
        if image.reference not in references:
            continue
        if set(image.media_types) != set(expected):
            raise SuiteError(
                f"{image.reference} was served as {', '.join(image.media_types)}", expected=", ".join(expected)
            )
        asked = images.name(image.reference)
        # A node that has the same manifest from another repository asks for the tag's digest, and no more.
        known = {(f"{asked.host}/{asked.path}", each) for each in (*image.digests, asked.tag) if each}
        if image.reference in started and not known & fetched:
            raise SuiteError(
                f"{image.reference} ran, and no node asked the registry of this run for its manifest",
                expected=f"a request for {' or '.join(filter(None, (asked.tag, *image.digests)))}",
                fix="the node had the image already: run without --keep",
            )


def check_runtime(observation: Observation, runtime: ContainerRuntime | None) -> None:
    """Hold every pod of the cell, hooks too, and every sandbox and container that the nodes know, to its runtime."""
    proof = observation.runtime
    if runtime is None or not runtime.handler or proof is None:
        return
    named = class_name(runtime)
    wrong = {pod: handler for pod, handler in proof.handlers.items() if handler != runtime.handler}
    wrong |= {f"pod {pod}": found for pod, found in observation.runtime_classes.items() if found != named}
    wrong |= {where: found for where, found in proof.traced.items() if found != runtime.name}
    if wrong:
        told = ", ".join(f"{where} by {found or 'the default handler'}" for where, found in sorted(wrong.items()))
        raise SuiteError(f"the cell asks for runtime {runtime.name}, and the node ran {told}")
    # Probes have ended, and the runtime keeps nothing of a container that has.
    if not (proof.handlers and (proof.traced or observation.scenario.probes)):
        raise SuiteError(f"nothing in the nodes shows that runtime {runtime.name} ran the pods of this cell")


def runtime_shown(observation: Observation) -> str:
    """The runtime as the node showed it, `containerd/crun`; only the CRI's name where nodes cannot be entered."""
    cri = observation.node_runtime.partition("://")[0]
    proof = observation.runtime
    traced = sorted(set(proof.traced.values())) if proof else []
    return f"{cri}/{'+'.join(traced)}" if traced else cri


def origins(observation: Observation) -> set[str]:
    """Where the images of the chart's images section came from: published, built or stand-in."""
    own = observation.declared.images.values()
    return {image.origin for image in observation.images if image.reference in own}


def describe(observation: Observation) -> str:
    """What was seen of a cell's packaging and runtime, in one line; "" where nothing could be."""
    own = observation.declared.images.values()
    types = {kind for image in observation.images if image.reference in own for kind in image.media_types}
    parts = [f"fetched as {', '.join(sorted(types))}"] if types else []
    proof = observation.runtime
    if proof:
        handlers = sorted({handler or "the default" for handler in proof.handlers.values()})
        parts.append(f"{len(proof.handlers)} sandboxes with handler {'+'.join(handlers)}")
        if proof.traced:
            kept_by = "+".join(sorted(set(proof.traced.values())))
            parts.append(f"{len(proof.traced)} containers with state files of {kept_by}")
        if proof.parents:
            parts.append(f"started by {'+'.join(sorted(set(proof.parents.values())))}")
    return "; ".join(parts)
