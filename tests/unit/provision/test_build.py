"""What a build needs of this machine, what it is given, and what it leaves in Docker."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import pytest

from osh_conformance.errors import SuiteError
from osh_conformance.folders import Folders
from osh_conformance.process import CommandError, Outcome
from osh_conformance.progress import Progress
from osh_conformance.provision import prerequisites, pulled, pulls, recipes, unnamed
from osh_conformance.provision.build import Builder
from osh_conformance.provision.docker import BUILDS
from tests.unit.provision.making import write

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from osh_conformance.provision.docker import Docker

BASE = "docker.io/library/base:1"
IMAGE = '[image]\nreference = "docker.io/x/server:1"\norigin = "built"\nbase = "docker.io/library/base:1"\n'


@dataclass(kw_only=True)
class FakeDocker:
    """An engine with images by name, and with what a build left: by its label, how often it is seen before it goes."""

    names: set[str] = field(default_factory=set)
    containers: dict[str, int] = field(default_factory=dict)
    nameless: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    delay: int = 0
    pulls: dict[str, str] = field(default_factory=dict)
    labels: list[str] = field(default_factory=list)
    ours: bool = False
    env: Mapping[str, str] = field(default_factory=dict)

    def has_image(self, name: str) -> bool:
        return name in self.names

    def run(self, *words: object, deadline: float = 0, check: bool = True) -> Outcome:
        del deadline
        code, error = 0, ""
        match words:
            case ("rmi", name) if name in self.nameless:
                self.nameless.remove(str(name))
            case ("rmi", name):
                self.names.discard(str(name))
            case ("rm", *_, name):
                del self.containers[str(name)]
            case ("image", "inspect", *_):
                pass
            case ("pull", "--quiet", name):
                error = self.pulls.get(str(name), "")
                code = 1 if error else 0
                self.names.add(str(name))
            case _:
                raise AssertionError(words)
        outcome = Outcome(argv=tuple(map(str, words)), code=code, stdout="", stderr=error, seconds=0)
        if code and check:
            raise CommandError(outcome, "failed")
        return outcome

    def lines(self, *words: str) -> list[str]:
        self.labels += [word.partition("=")[2] for word in words if word.startswith("label=")]
        if words[0] == "ps":
            self.containers = {name: looks - 1 for name, looks in self.containers.items() if looks > 0}
            self.delay -= 1
            if not self.containers and self.delay < 0:
                self.nameless += self.late
                self.late = []
            return list(self.containers)
        if "--format" in words:
            return sorted(self.names)
        return list(self.nameless)


def docker(fake: FakeDocker) -> Docker:
    return cast("Docker", fake)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unnamed, "_PAUSE", 0.0)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "recipes"


def folders(root: Path) -> Folders:
    return Folders(cache=root.parent / "cache", state=root.parent / "state")


def builder(root: Path, fake: FakeDocker | None = None) -> Builder:
    return Builder(
        recipes=recipes.load(root),
        folders=folders(root),
        progress=Progress(quiet=True),
        docker=docker(fake) if fake else None,
    )


def test_all_problems_of_all_recipes_are_named_before_the_first_build(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(root, "first")
    write(root, "second", 'needs = ["first"]\nprograms = ["no-such-program", "sh"]\n')
    write(root, "third", 'needs = ["second"]\npackages = ["no-such-package"]\n')
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setattr("osh_conformance.provision.build.free_bytes", lambda _: 1 << 20)
    made = builder(root)
    with pytest.raises(SuiteError) as raised:
        made.provide(["third"])
    program, package, disk = raised.value.details.splitlines()
    assert program == "recipe `second` needs no-such-program, but PATH has no such program"
    assert "`third` needs the Debian packages no-such-package, but only root" in package
    assert "GiB is free" in disk
    assert (program, package, disk) == made.problems(["third"])
    assert not made.place("first").exists()
    assert not made.folders.cache.exists()


def test_recipes_that_can_be_built_have_no_problems(root: Path) -> None:
    write(root, "first", 'programs = ["sh"]\n')
    assert builder(root).problems(["first"]) == ()


def test_a_finished_build_has_no_problems(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(root, "first", 'programs = ["sh"]\n')
    made = builder(root)
    made.provide(["first"])
    monkeypatch.setattr(prerequisites, "which", lambda _: None)
    assert made.problems(["first"]) == ()


def test_a_base_that_nobody_makes_is_a_problem(root: Path) -> None:
    write(root, "server", IMAGE)
    (problem,) = builder(root).problems(["server"])
    assert BASE in problem


def test_docker_may_come_with_the_package_of_another_recipe(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(root, "server", 'programs = ["docker"]\n')
    write(root, "engine", 'packages = ["docker.io"]\n')
    monkeypatch.setattr(prerequisites, "which", lambda name: None if name == "docker" else root)
    monkeypatch.setattr(prerequisites, "_installed", lambda _: set())
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert builder(root).problems(["server", "engine"]) == ()
    assert builder(root).problems(["server"]) == ("recipe `server` needs docker, but PATH has no such program",)


def test_each_base_has_its_variable_and_a_pulled_one_is_noted(root: Path) -> None:
    other = "quay.io/x/other:2"
    toml = f'programs = ["docker"]\n[bases]\nOTHER_IMAGE = "{other}"\n{IMAGE}'
    write(root, "server", toml, script='echo "$BASES $BASE_IMAGE $OTHER_IMAGE $IMAGE" >"$OUT/made"\n')
    made = builder(root, FakeDocker(names={BASE}))
    made.can_pull = lambda _: True
    made.provide(["server"])
    tag = made.tag("server")
    assert (made.place("server") / "made").read_text().split() == ["BASE_IMAGE", "OTHER_IMAGE", BASE, other, tag]
    assert pulled.noted(made.folders) == (other,)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [("dial tcp: no such host", f"{BUILDS}base:"), ("toomanyrequests: limit", "")],
)
def test_a_base_is_built_if_no_registry_answers_and_not_if_one_refuses(root: Path, answer: str, expected: str) -> None:
    write(root, "base", f'[image]\nreference = "{BASE}"\norigin = "stand-in"\n')
    write(root, "server", IMAGE, script='echo "$BASE_IMAGE" >"$OUT/made"\n')
    fake = FakeDocker(pulls={BASE: answer})
    made = builder(root, fake)
    made.can_pull = lambda _: True
    fake.names.add(made.tag("base"))
    if not expected:
        with pytest.raises(pulls.PullError, match="could not pull"):
            made.provide(["server"])
        return
    made.provide(["server"])
    assert (made.place("server") / "made").read_text().startswith(expected)


def test_an_interrupted_build_leaves_nothing_in_docker(root: Path) -> None:
    write(root, "server", 'programs = ["docker"]\n', script="exit 1\n")
    fake = FakeDocker(containers={"step": 3}, nameless=["layer"], late=["last-layer"])
    made = builder(root, fake)
    fake.names = {"osh-conformance.invalid/build/server:other", made.tag("server")}
    with pytest.raises(SuiteError, match="exit code 1"):
        made.provide(["server"])
    assert (fake.containers, fake.nameless, fake.late) == ({}, [], [])
    assert fake.names == {"osh-conformance.invalid/build/server:other"}


def test_a_build_that_ends_well_keeps_its_image_and_no_stage(root: Path) -> None:
    write(root, "server", f'programs = ["docker"]\n{IMAGE}')
    fake = FakeDocker(nameless=["stage"], names={BASE})
    made = builder(root, fake)
    fake.names.add(made.tag("server"))
    made.provide(["server"])
    assert fake.nameless == []
    assert made.tag("server") in fake.names


def test_a_recipe_without_an_image_leaves_none(root: Path) -> None:
    write(root, "wheels", 'programs = ["docker"]\n')
    fake = FakeDocker(containers={"copied-from": 9}, names={BASE})
    made = builder(root, fake)
    fake.names.add(made.tag("wheels"))
    made.provide(["wheels"])
    assert (fake.containers, fake.names) == ({}, {BASE})


def test_a_layer_that_appears_after_the_first_look_is_removed(root: Path) -> None:
    fake = FakeDocker(late=["last-layer"], delay=2)
    build = unnamed.mark(folders(root), root / "server-key-token")
    assert unnamed.clear_interrupted(docker(fake), build) == ("image last-layer without a name",)


def test_a_container_that_docker_does_not_end_is_removed(root: Path) -> None:
    fake = FakeDocker(containers={"step": 10**6})
    build = unnamed.mark(folders(root), root / "server-key-token")
    assert "container step" in unnamed.clear_interrupted(docker(fake), build)
    assert fake.containers == {}


def test_only_what_carries_the_label_of_the_build_is_looked_for(root: Path) -> None:
    write(root, "server", 'programs = ["docker"]\n', script='echo "$BUILD" >"$OUT/made"\n')
    fake = FakeDocker()
    made = builder(root, fake)
    made.provide(["server"])
    build = (made.place("server") / "made").read_text().strip()
    assert set(fake.labels) == {f"{unnamed.STEP}={build}", f"{unnamed.IMAGE}={build}"}
