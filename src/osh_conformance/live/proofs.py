"""Proves that a cell had its packaging format and its container runtime.

Otherwise the observation is no evidence about the chart: `SuiteError`, never a finding.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from osh_conformance.errors import SuiteError
from osh_conformance.live.runtimes import RUNTIME_LABEL, class_name, is_handler_of
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
    if runtime is None:
        return
    _check_nodes(observation, runtime)
    _check_handlers_of_owner(observation, runtime)
    proof = observation.runtime
    if not runtime.handler or proof is None:
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


def is_of(node_runtime: str, runtime: ContainerRuntime) -> bool:
    """Whether a node that reports `node_runtime` has the CRI implementation of a runtime."""
    return _cri(node_runtime) == runtime.cri


def _cri(node_runtime: str) -> str:
    """Return the CRI's name: `containerd` of `containerd://2.4.2`."""
    return node_runtime.partition("://")[0]


def _check_nodes(observation: Observation, runtime: ContainerRuntime) -> None:
    """Raise `SuiteError` unless each pod of the chart ran on a node with the runtime's CRI."""
    wrong = [each for each in observation.pod_nodes if not is_of(each.runtime, runtime)]
    if wrong:
        actual = ", ".join(
            f"pod {each.pod} ran on node {each.node}, which "
            + (f"runs {each.runtime}" if each.runtime else "the cluster no longer has")
            for each in wrong
        )
        raise SuiteError(
            f"the cell requests runtime {runtime.name}, but {actual}",
            expected=f"all pods of the chart on nodes that run {runtime.cri}",
            fix="keep them there: by the chart's node selectors (--values), by a policy for namespaces with the label "
            f"{RUNTIME_LABEL}={runtime.name}, or cordon the other nodes",
        )


def _check_handlers_of_owner(observation: Observation, runtime: ContainerRuntime) -> None:
    """Raise `SuiteError` unless each pod of the chart had a RuntimeClass by which the cluster's owner gives it."""
    wrong = [each for each in observation.pod_nodes if not is_handler_of(runtime, each.handler)]
    if runtime.owner_handlers and wrong:
        wanted = " or ".join(runtime.owner_handlers)
        actual = ", ".join(f"pod {each.pod} had {each.handler or 'no handler'}" for each in wrong)
        raise SuiteError(
            f"the cell requests runtime {runtime.name}, but {actual}",
            expected=f"all pods of the chart with a RuntimeClass whose handler is {wanted}",
            fix=f"give it to all pods of namespaces with the label {RUNTIME_LABEL}={runtime.name} (docs/runtimes.md)",
        )


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
    """Return the runtime that the nodes show, `containerd/crun`; only the CRI's name without access to the nodes.

    Several CRIs on which the chart's pods ran are `containerd+cri-o`; those of a cluster where none ran, `... or ...`.
    """
    ran = {_cri(each.runtime) for each in observation.pod_nodes if each.runtime}
    cri = "+".join(sorted(ran)) or " or ".join(sorted({_cri(each) for each in observation.node_runtime.split(" or ")}))
    proof = observation.runtime
    by = set(proof.traced.values()) if proof else {each.handler for each in observation.pod_nodes if each.handler}
    return f"{cri}/{'+'.join(sorted(by))}" if by else cri


def origins(observation: Observation) -> set[str]:
    """Return the origins of the images in the chart's images section: published, built or stand-in."""
    own = observation.declared.images.values()
    return {image.origin for image in observation.images if image.reference in own}


def describe(observation: Observation) -> str:
    """Return in one line what shows the cell's packaging format and runtime; "" without any evidence."""
    own = observation.declared.images.values()
    types = {kind for image in observation.images if image.reference in own for kind in image.media_types}
    parts = [f"fetched as {', '.join(sorted(types))}"] if types else []
    if observation.pod_nodes:
        parts.append(f"{len(observation.pod_nodes)} pods on nodes with {observation.ran_under}")
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
