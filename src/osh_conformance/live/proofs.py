"""Proves that a cell had its packaging format and its container runtime.

Otherwise the observation is no evidence about the chart: `SuiteError`, never a finding.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from osh_conformance.errors import SuiteError
from osh_conformance.live.runtimes import class_name
from osh_conformance.registry import images, packaging

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from osh_conformance.model.matrix import ContainerRuntime, PackagingFormat
    from osh_conformance.model.observation import Observation, PublishedImage
    from osh_conformance.registry.log import RegistryRequest


def check_format(
    observation: Observation,
    packaging_format: PackagingFormat,
    references: Collection[str],
    requests: Sequence[RegistryRequest],
) -> None:
    """Raise `SuiteError` unless nodes fetched each image of `references` with the media types of its format."""
    expected = packaging.media_types(packaging_format)
    fetched = {(request.repository, request.reference) for request in requests if request.status == HTTPStatus.OK}
    started = {container.image for container in observation.containers if container.ran}
    for image in observation.images:
        if image.reference not in references:
            continue
        if set(image.media_types) != set(expected):
            raise SuiteError(
                f"{image.reference} was served as {', '.join(image.media_types)}", expected=", ".join(expected)
            )
        name = images.name(image.reference)
        # A node that has the same manifest from another repository requests the tag's digest only.
        accepted = {(f"{name.host}/{name.path}", each) for each in (*image.digests, name.tag) if each}
        if image.reference in started and not accepted & fetched:
            raise SuiteError(
                f"{image.reference} ran, but no node requested its manifest from the registry of this run",
                expected=f"a request for {' or '.join(filter(None, (name.tag, *image.digests)))}",
                fix="run without --keep: the node has the image from an earlier run",
            )


def check_runtime(observation: Observation, runtime: ContainerRuntime | None) -> None:
    """Raise `SuiteError` unless the cell's runtime ran every pod of it, hooks included, as far as the nodes show."""
    proof = observation.runtime
    if runtime is None or not runtime.handler or proof is None:
        return
    named = class_name(runtime)
    wrong = {pod: handler for pod, handler in proof.handlers.items() if handler != runtime.handler}
    wrong |= {f"pod {pod}": found for pod, found in observation.runtime_classes.items() if found != named}
    wrong |= {where: found for where, found in proof.traced.items() if found != runtime.name}
    if wrong:
        actual = ", ".join(f"{where} by {found or 'the default handler'}" for where, found in sorted(wrong.items()))
        raise SuiteError(f"the cell requests runtime {runtime.name}, but the node ran {actual}")
    # Containers of probes have ended, and the runtime keeps no state of them.
    if not (proof.handlers and (proof.traced or observation.scenario.probes)):
        raise SuiteError(f"the nodes show no evidence that runtime {runtime.name} ran the pods of this cell")


def check_anchors(observation: Observation, anchors: Collection[str], stub: PublishedImage | None) -> None:
    """Raise `SuiteError` if a Job that creates or drops the database, one of `anchors`, ran the stub of the flavor.

    It would end with 0 and do nothing, and the chart would be blamed or praised for that.
    """
    if stub is None:
        return
    stubbed = sorted(
        {
            container.label
            for container in observation.containers
            if container.workload in anchors
            and (container.image == stub.reference or any(digest in container.image_id for digest in stub.digests))
        }
    )
    if stubbed:
        raise SuiteError(
            f"{', '.join(stubbed)} ran {stub.reference}, whose programs do nothing: that shows nothing about the chart",
            expected="an image of its own for each Job that creates or drops the database",
            fix="name an image for its key below `images` in a flavor of your own, and give that with --flavor-file",
        )


def runtime_shown(observation: Observation) -> str:
    """Return the runtime that the node shows, `containerd/crun`; only the CRI's name without access to the nodes."""
    cri = observation.node_runtime.partition("://")[0]
    proof = observation.runtime
    traced = sorted(set(proof.traced.values())) if proof else []
    return f"{cri}/{'+'.join(traced)}" if traced else cri


def origins(observation: Observation) -> set[str]:
    """Return the origins of the images in the chart's images section: published, built or stand-in."""
    own = observation.declared.images.values()
    return {image.origin for image in observation.images if image.reference in own}


def describe(observation: Observation) -> str:
    """Return in one line what shows the cell's packaging format and runtime; "" without any evidence."""
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
