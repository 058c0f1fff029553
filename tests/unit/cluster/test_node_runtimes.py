"""The OCI runtimes in the nodes: a node that cannot run one is named before the first cell."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from osh_conformance.cluster import node_runtimes
from osh_conformance.cluster.cluster import NODE_EXEC, Cluster
from osh_conformance.errors import SuiteError
from osh_conformance.loading import definitions
from osh_conformance.process import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

RUNTIMES = definitions.runtimes()
CONFIGURATION = """\
version = 3
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "pause"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runsc.options]
  TypeUrl = "io.containerd.runsc.v1.options"
[plugins."io.containerd.shim.v1.manager"]
  containerd = "a text"
"""


@dataclass
class FakeDocker:
    """Docker with nodes that answer commands, by node and program; a program that is not there ends with 127."""

    answers: Mapping[tuple[str, str], tuple[int, str]] = field(default_factory=dict)
    calls: list[tuple[str, ...]] = field(default_factory=list)

    def run(self, verb: str, *argv: Any, deadline: float = 0.0, check: bool = True) -> Outcome:  # noqa: ARG002
        words = tuple(map(str, argv))
        self.calls.append((verb, *words))
        if verb == "cp":
            return _outcome(words, 0, "")
        node, program, *rest = words
        if program == "timeout":
            program = next(word for word in rest if not word.startswith("-") and not word.isdigit())
        missing = f"exec: {program}: executable file not found in $PATH"
        return _outcome(words, *self.answers.get((node, program), (127, missing)))


def _outcome(argv: tuple[str, ...], code: int, text: str) -> Outcome:
    return Outcome(argv=argv, code=code, stdout=text if not code else "", stderr=text if code else "", seconds=0.1)


def cluster(docker: FakeDocker, nodes: tuple[str, ...] = ("a", "b")) -> Cluster:
    return Cluster(
        name="test",
        kubeconfig=Path("none"),
        context="test",
        nodes=nodes,
        registry=None,
        owned=True,
        capabilities={NODE_EXEC: (True, "")},
        docker=cast("Any", docker),
    )


def answering(**programs: tuple[int, str]) -> FakeDocker:
    return FakeDocker({(node, name): answer for node in ("a", "b") for name, answer in programs.items()})


def test_nodes_that_can_run_a_runtime_pass() -> None:
    docker = answering(containerd=(0, CONFIGURATION), runsc=(0, ""))
    node_runtimes.check_runtimes(cluster(docker), [RUNTIMES["gvisor"]])
    assert [call[:3] for call in docker.calls] == [
        ("exec", node, program) for node in ("a", "b") for program in ("containerd", "timeout")
    ]


def test_a_node_without_the_handler_is_an_error_with_the_handlers_that_it_has() -> None:
    docker = answering(containerd=(0, CONFIGURATION), youki=(0, ""))
    with pytest.raises(SuiteError, match="node a has no handler `youki`") as caught:
        node_runtimes.check_runtimes(cluster(docker), [RUNTIMES["youki"]])
    assert "runc, runsc" in caught.value.expected
    assert "--node-image" in caught.value.fix


@pytest.mark.parametrize("dump", [(127, "no containerd"), (0, "no = toml = at all"), (0, "version = 3")])
def test_a_node_whose_handlers_are_unknown_is_not_accused(dump: tuple[int, str]) -> None:
    node_runtimes.check_runtimes(cluster(answering(containerd=dump, crun=(0, "{}"))), [RUNTIMES["crun"]])


def test_a_program_that_does_not_start_is_an_error_with_its_output() -> None:
    text = "FATAL ERROR: seccomp failed: the kernel refuses"
    docker = answering(containerd=(0, CONFIGURATION), runsc=(128, text))
    with pytest.raises(SuiteError, match="with gvisor: runsc: exit code 128") as caught:
        node_runtimes.check_runtimes(cluster(docker), [RUNTIMES["gvisor"]])
    assert caught.value.message.startswith("node a ")
    assert caught.value.details == text
    assert "--platform=systrap" in caught.value.expected


@pytest.mark.parametrize("code", [124, 137])
def test_a_program_that_hangs_is_an_error_with_the_deadline(code: int) -> None:
    docker = answering(containerd=(0, CONFIGURATION), runsc=(code, "starting"))
    with pytest.raises(SuiteError, match="node a cannot run containers with gvisor: runsc: did not end within 30 s"):
        node_runtimes.check_runtimes(cluster(docker), [RUNTIMES["gvisor"]])


def test_one_node_that_lacks_the_program_is_named() -> None:
    docker = answering(containerd=(0, CONFIGURATION), runsc=(0, ""))
    docker.answers = {key: answer for key, answer in docker.answers.items() if key != ("b", "runsc")}
    with pytest.raises(SuiteError, match=r"node b cannot run containers with gvisor: .* exit code 127"):
        node_runtimes.check_runtimes(cluster(docker), [RUNTIMES["gvisor"]])


def test_only_programs_are_copied_into_the_nodes(tmp_path: Path) -> None:
    for name, mode in [("runsc", 0o755), ("versions", 0o644)]:
        (tmp_path / name).touch()
        (tmp_path / name).chmod(mode)
    docker = FakeDocker()
    node_runtimes.install_programs(cluster(docker), sorted(tmp_path.iterdir()))
    assert docker.calls == [("cp", str(tmp_path / "runsc"), f"{node}:/usr/local/bin/runsc") for node in ("a", "b")]


def test_state_files_are_searched_in_the_folders_of_all_runtimes_and_no_deeper() -> None:
    docker = answering(find=(1, ""))
    docker.answers = {("a", "find"): (0, "/run/a/1\n/run/a/1/state\n")}
    own = replace(RUNTIMES["crun"], state=("/run/a/pod-{container}/state", "/run/a/{container}*.state"))
    assert node_runtimes._state_files(cluster(docker), "a", [own, own]) == ("/run/a/1", "/run/a/1/state")
    assert docker.calls == [("exec", "a", "find", "/run/a/", "-maxdepth", "2")]
    assert node_runtimes._state_files(cluster(docker), "b", [own]) == ()


@pytest.mark.parametrize(
    ("file", "found"),
    [
        ("/run/t/pod-1_x.state", "toy"),
        ("/run/t/pod-1_.state", "toy"),
        ("/run/t/pod-1_x/y.state", ""),
        ("/run/t/pod-2_x.state", ""),
        ("/run/t/pod-1_xstate", ""),
        ("/old/run/t/pod-1_x.state", ""),
    ],
)
def test_a_star_in_the_path_of_a_state_file_is_any_text_without_a_slash(file: str, found: str) -> None:
    toy = replace(RUNTIMES["crun"], name="toy", state=("/run/t/pod-{container}_*.state",))
    assert node_runtimes.runtime_of("1", [file], [toy]) == found


def test_versions_are_those_that_the_programs_print() -> None:
    docker = answering(runc=(0, "runc version 1.3.6+ds1\nspec: 1.2.1\n"), youki=(1, "cannot start"))
    docker.answers = {
        **docker.answers,
        ("a", "crun"): (0, "crun version 1.28\n"),
        ("b", "crun"): (0, "crun version 1.8.1\n"),
    }
    found = node_runtimes.versions(cluster(docker), RUNTIMES.values())
    assert found == {"runc": "1.3.6+ds1", "crun": "1.28, 1.8.1"}


def test_nothing_is_made_up_for_nodes_that_the_suite_cannot_enter_or_programs_that_print_no_version() -> None:
    docker = answering(runc=(0, "runc version 1.3.6\n"), crun=(0, "unknown"))
    opened = cluster(docker)
    assert node_runtimes.versions(opened, [RUNTIMES["crun"], RUNTIMES["cri-o"]]) == {}
    foreign = replace(opened, capabilities={NODE_EXEC: (False, "this suite did not start the cluster's nodes")})
    assert node_runtimes.versions(foreign, [RUNTIMES["runc"]]) == {}
