"""A cell that did not run with its format or its runtime is an error of the suite, not a finding on the chart."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from osh_conformance.cluster.node_runtimes import runtime_of, version_in
from osh_conformance.errors import SuiteError
from osh_conformance.live import proofs
from osh_conformance.live.runtimes import RUNTIME_LABEL
from osh_conformance.loading import definitions
from osh_conformance.model.observation import PodNode, PublishedImage
from osh_conformance.plan import scenarios
from osh_conformance.registry.log import RegistryRequest
from tests.unit.observations import DIGEST, ENTRYPOINT, MEDIA_TYPES, SERVICE, observation

if TYPE_CHECKING:
    from osh_conformance.model.observation import Observation

_DOCKER = "application/vnd.docker.distribution.manifest.v2"
RUNTIMES = definitions.runtimes()


def request(reference: str = SERVICE, digest: str = DIGEST, status: int = 200) -> RegistryRequest:
    return RegistryRequest(
        method="GET",
        repository=reference.rpartition(":")[0],
        kind="manifests",
        reference=digest,
        status=status,
    )


FETCHED = (request(), request(ENTRYPOINT))


def check_format(seen: Observation, requests: tuple[RegistryRequest, ...] = FETCHED, form: str = "docker") -> None:
    proofs.check_format(seen, definitions.formats()[form], {SERVICE, ENTRYPOINT}, requests)


def with_image(**changes: Any) -> Observation:
    seen = observation()
    return replace(seen, images=(replace(seen.images[0], **changes), *seen.images[1:]))


def test_images_that_nodes_fetched_prove_the_format() -> None:
    check_format(observation())


@pytest.mark.parametrize("form", sorted(set(definitions.formats()) - {"docker"}))
def test_an_image_in_another_format_is_an_error(form: str) -> None:
    with pytest.raises(SuiteError, match=f"{SERVICE} was served as {_DOCKER}"):
        check_format(observation(), form=form)


def test_a_layer_in_another_format_is_an_error() -> None:
    seen = with_image(media_types=(*MEDIA_TYPES, "application/vnd.oci.image.layer.v1.tar+zstd"))
    with pytest.raises(SuiteError, match="tar\\+zstd"):
        check_format(seen)


@pytest.mark.parametrize(
    "requests",
    [
        (request(ENTRYPOINT),),
        (request(status=404), request(ENTRYPOINT)),
        (request(digest="sha256:" + "b" * 64), request(ENTRYPOINT)),
        (request("quay.io/example/keystone:22.0.2"), request(ENTRYPOINT)),
    ],
    ids=["never", "refused", "another digest", "from another host"],
)
def test_an_image_that_ran_without_being_fetched_is_an_error(requests: tuple[RegistryRequest, ...]) -> None:
    with pytest.raises(SuiteError, match=f"{SERVICE} ran, but no node requested its manifest"):
        check_format(observation(), requests)


def test_a_node_that_has_the_manifest_from_elsewhere_asks_for_the_tag_only() -> None:
    tag = SERVICE.rpartition(":")[2]
    check_format(observation(), (request(digest=tag), request(ENTRYPOINT)))


def test_any_digest_of_an_image_proves_it() -> None:
    check_format(with_image(digests=("sha256:" + "b" * 64, DIGEST)))


def test_an_image_that_nothing_ran_need_not_be_fetched() -> None:
    seen = observation()
    seen = replace(seen, containers=tuple(replace(c, started_at="") for c in seen.containers))
    check_format(seen, ())


def test_an_image_of_the_infrastructure_may_be_in_any_format() -> None:
    seen = with_image(reference="docker.io/library/mariadb:10.11.11", media_types=("other",))
    check_format(seen)


# -- runtime -------------------------------------------------------------------------------------------------------


def proved(**changes: Any) -> Observation:
    seen = observation()
    assert seen.runtime is not None
    return replace(seen, runtime=replace(seen.runtime, **changes))


def check_runtime(seen: Observation, name: str = "crun") -> None:
    proofs.check_runtime(seen, RUNTIMES[name])


def test_handlers_and_state_files_prove_a_runtime() -> None:
    check_runtime(observation())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"handlers": {"api": "crun", "job": "runc"}}, "the node ran job by runc"),
        ({"handlers": {"api": ""}}, "the node ran api by the default handler"),
        ({"traced": {"api/api": "runc"}}, "the node ran api/api by runc"),
        ({"traced": {}}, "no evidence that runtime crun ran the pods"),
        ({"handlers": {}}, "no evidence that runtime crun ran the pods"),
    ],
)
def test_a_pod_of_another_runtime_is_an_error(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SuiteError, match=message):
        check_runtime(proved(**changes))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("", "pod keystone-db-drop by the default handler"),
        ("osh-conformance-runc", "pod keystone-db-drop by osh-conformance-runc"),
    ],
)
def test_a_hook_pod_without_the_runtime_class_is_an_error_after_its_deletion(given: str, message: str) -> None:
    with pytest.raises(SuiteError, match=message):
        check_runtime(replace(observation(), runtime_classes={"keystone-db-drop": given}))


def test_probes_leave_no_state_files() -> None:
    seen = proved(traced={})
    check_runtime(replace(seen, scenario=scenarios.known()["pull-policy"]))


def test_the_default_runtime_of_a_node_needs_no_proof() -> None:
    proofs.check_runtime(proved(handlers={"api": "anything"}), None)


def test_a_cluster_without_node_access_needs_no_state_files() -> None:
    check_runtime(replace(observation(), runtime=None))


def test_a_runtime_without_a_handler_is_proved_by_the_default_of_its_nodes() -> None:
    check_runtime(proved(handlers={"api": ""}, traced={}), "cri-o")


@pytest.mark.parametrize(
    ("files", "runtime"),
    [
        ({"runc/k8s.io/abc/state.json"}, "runc"),
        ({"runc/k8s.io/abc/state.json", "runc/k8s.io/abc/exec.fifo"}, "runc"),
        ({"runc/k8s.io/abc/status", "runc/k8s.io/abc/config.json", "runc/k8s.io/abc/exec.fifo"}, "crun"),
        ({"runc/k8s.io/abc/state.json", "runc/k8s.io/abc/youki_config.json", "runc/k8s.io/abc/notify.sock"}, "youki"),
        ({"runsc/k8s.io/abc_sandbox:def.state", "runsc/k8s.io/abc_sandbox:def.lock"}, "gvisor"),
        # The files of other containers.
        ({"runc/k8s.io/abcd/state.json", "runsc/k8s.io/def_sandbox:abc.state"}, ""),
        ({"runc/k8s.io/abc/youki_config.json"}, ""),
        ({"runc/k8s.io/state.json"}, ""),
        (set(), ""),
    ],
)
def test_a_runtime_is_known_by_the_files_that_it_keeps(files: set[str], runtime: str) -> None:
    assert runtime_of("abc", {f"/run/containerd/{name}" for name in files}, RUNTIMES.values()) == runtime


@pytest.mark.parametrize(
    ("output", "version"),
    [
        ("runc version 1.3.6+ds1\ncommit: 1.3.6+ds1-1\nspec: 1.2.1\n", "1.3.6+ds1"),
        ("crun version 1.28\ncommit: abc\n", "1.28"),
        ("youki version: 0.7.0\ncommit: ...\n", "0.7.0"),
        ("runsc version 20260905035102-160fafc42237\nspec: 1.1.0\n", "20260905035102-160fafc42237"),
        ("no version\n", ""),
        ("", ""),
    ],
)
def test_a_version_is_read_from_what_a_program_prints(output: str, version: str) -> None:
    assert version_in(output) == version


def on(*nodes: tuple[str, str], **changes: Any) -> Observation:
    """Pods of the chart on nodes that report these runtimes, on a cluster whose nodes the suite cannot enter."""
    pods = tuple(PodNode(pod=f"pod-{node}", node=node, runtime=runtime, **changes) for node, runtime in nodes)
    return replace(observation(), runtime=None, pod_nodes=pods)


def test_pods_on_nodes_of_the_cri_prove_a_runtime_without_a_handler() -> None:
    check_runtime(on(("a", "cri-o://1.36.0"), ("b", "cri-o://1.35.2")), "cri-o")
    check_runtime(on(("a", "docker://29.1.0")), "docker-engine")


@pytest.mark.parametrize(
    ("reported", "message"),
    [
        ("containerd://2.4.2", "runtime cri-o, but pod pod-b ran on node b, which runs containerd://2.4.2\n"),
        ("cri-o-like://1.0", "which runs cri-o-like://1.0\n"),
        ("", "pod pod-b ran on node b, which the cluster no longer has\n"),
    ],
)
def test_a_pod_on_a_node_of_another_cri_is_an_error(reported: str, message: str) -> None:
    with pytest.raises(SuiteError, match=message) as caught:
        check_runtime(on(("a", "cri-o://1.36.0"), ("b", reported)), "cri-o")
    assert caught.value.expected == "all pods of the chart on nodes that run cri-o"
    assert f"{RUNTIME_LABEL}=cri-o" in caught.value.fix


def test_the_cri_is_looked_at_for_a_runtime_with_a_handler_too() -> None:
    seen = observation()
    wrong = PodNode(pod="api", node="b", runtime="cri-o://1.36.0")
    with pytest.raises(SuiteError, match="runs cri-o"):
        check_runtime(replace(seen, pod_nodes=(wrong,)))
    check_runtime(replace(seen, pod_nodes=(replace(wrong, runtime="containerd://2.4.2"),)))


def test_the_nodes_own_runtime_may_run_on_any_node() -> None:
    proofs.check_runtime(on(("a", "cri-o://1.36.0"), ("b", "containerd://2.4.2")), None)


@pytest.mark.parametrize("handler", ["", "runsc", "mykata-qemu"])
def test_a_pod_without_a_handler_of_kata_is_an_error(handler: str) -> None:
    with pytest.raises(SuiteError, match=f"runtime kata, but pod pod-a had {handler or 'no handler'}\n"):
        check_runtime(on(("a", "containerd://2.4.2"), handler=handler), "kata")


@pytest.mark.parametrize("handler", ["kata", "kata-qemu", "kata-qemu-runtime-rs"])
def test_a_handler_of_kata_proves_it(handler: str) -> None:
    check_runtime(on(("a", "containerd://2.4.2"), handler=handler), "kata")


# -- in words ------------------------------------------------------------------------------------------------------


def test_the_runtime_of_a_cell_is_the_one_that_its_nodes_reported() -> None:
    assert proofs.runtime_shown(observation()) == "containerd/crun"
    assert proofs.runtime_shown(replace(observation(), runtime=None)) == "containerd"


@pytest.mark.parametrize(
    ("seen", "shown"),
    [
        (on(("a", "containerd://2.4.2"), ("b", "cri-o://1.36.0"), ("c", "containerd://2.3.0")), "containerd+cri-o"),
        # Only the nodes on which pods ran count.
        (replace(on(("a", "cri-o://1.36.0")), node_runtime="containerd://2.4.2 or cri-o://1.36.0"), "cri-o"),
        (replace(on(), node_runtime="containerd://2.4.2 or cri-o://1.36.0"), "containerd or cri-o"),
        (replace(on(), node_runtime="containerd://2.3.0 or containerd://2.4.2"), "containerd"),
        (on(("a", "containerd://2.4.2"), handler="kata-qemu"), "containerd/kata-qemu"),
        (replace(on(("a", "containerd://2.4.2")), runtime=observation().runtime), "containerd/crun"),
    ],
)
def test_the_runtime_of_a_cell_names_each_cri_on_which_its_pods_ran(seen: Observation, shown: str) -> None:
    assert proofs.runtime_shown(seen) == shown


def test_the_proof_of_a_cell_on_a_cluster_of_the_user_says_where_its_pods_ran() -> None:
    seen = replace(on(("a", "containerd://2.4.2"), ("b", "cri-o://1.36.0")), images=())
    assert proofs.describe(seen) == "2 pods on nodes with containerd://2.4.2+cri-o://1.36.0"


def test_a_proof_is_one_line() -> None:
    assert proofs.describe(observation()) == (
        f"fetched as {', '.join(MEDIA_TYPES)}; 1 sandboxes with handler crun; "
        "1 containers with state files of crun; started by containerd-shim-runc-v2"
    )


def test_a_cell_without_observations_has_an_empty_proof() -> None:
    assert proofs.describe(replace(observation(), runtime=None, images=())) == ""


def test_origins_are_those_of_the_charts_own_images() -> None:
    seen = observation()
    infrastructure = replace(seen.images[0], reference="docker.io/library/mariadb:10.11.11", origin="stand-in")
    assert proofs.origins(replace(seen, images=(*seen.images, infrastructure))) == {"built"}


STUB = PublishedImage(
    reference="osh-conformance.invalid/nothing:1.0.0", origin="built", digests=("sha256:" + "7" * 64,)
)


def ran(workload: str, **changes: Any) -> Observation:
    seen = observation()
    return replace(seen, containers=(replace(seen.containers[0], workload=workload, **changes), *seen.containers[1:]))


@pytest.mark.parametrize(
    "changes", [{"image": STUB.reference}, {"image_id": f"docker.io/x/y@{STUB.digests[0]}"}], ids=["name", "digest"]
)
def test_a_job_of_the_database_that_ran_the_stub_is_an_error(changes: dict[str, str]) -> None:
    with pytest.raises(SuiteError, match=r"Job/x-db-drop .* ran .*/nothing:"):
        proofs.check_anchors(ran("Job/x-db-drop", **changes), ("Job/x-db-drop",), STUB)


def test_another_workload_may_run_the_stub() -> None:
    proofs.check_anchors(ran("Job/x-trusts", image=STUB.reference), ("Job/x-db-drop",), STUB)


def test_a_job_of_the_database_with_its_own_image_is_no_error() -> None:
    proofs.check_anchors(ran("Job/x-db-drop"), ("Job/x-db-drop",), STUB)
    proofs.check_anchors(ran("Job/x-db-drop", image=STUB.reference), ("Job/x-db-drop",), None)
