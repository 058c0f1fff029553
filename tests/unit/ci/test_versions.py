"""The pinned versions: each file that repeats one agrees, and newer ones are proposed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from ci import digests, versions
from osh_conformance import process
from osh_conformance.errors import SuiteError
from osh_conformance.registry.answers import Answer
from osh_conformance.registry.lookup import Lookup
from tests.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ci.versions import Pin

_PINS = {pin.name: pin for pin in versions.load()}


@pytest.mark.parametrize("pin", _PINS.values(), ids=_PINS)
def test_every_file_has_the_pinned_version(pin: Pin) -> None:
    assert not versions.disagreements(pin)
    assert [bool(pin.module), bool(pin.package), bool(pin.crate)].count(True) == 1


def test_a_file_with_another_version_is_named(tmp_path: Path) -> None:
    pin = versions.Pin(name="kind", version="0.3.1", files={"go.mod": "kind v{version}"})
    for text, wrong in [("kind v0.3.1\n", 0), ("kind v0.3.10\n", 1), ("kind v0.3.1.1\n", 1), ("kind v0.3.2\n", 1)]:
        (tmp_path / "go.mod").write_text(text)
        assert len(versions.disagreements(pin, tmp_path)) == wrong


@pytest.mark.parametrize(
    ("image", "pin"), [("docker.io/kindest/node:v", "kubernetes"), ("docker.io/library/golang:", "golang")]
)
def test_no_recipe_names_an_image_of_another_version(image: str, pin: str) -> None:
    files = [file for name in ("recipe.toml", "Dockerfile") for file in (ROOT / "ci").rglob(name)]
    for file in sorted(files):
        found = re.findall(re.escape(image) + r"(\d[\d.]*)", file.read_text())
        assert set(found) <= {_PINS[pin].version}, file


@pytest.mark.parametrize(
    ("offered", "pinned", "found"),
    [
        (["v1.36.3", "v1.37.2", "v1.38.0-beta.0"], "1.36.9", "1.37.2"),
        (["v3.9.0", "v3.10.0"], "3.9.0", "3.10.0"),
        (["2.0.0", "3.0.0"], "2.0.0", "2.0.0"),
        (["1.26.8", "1.27.4", "1.28rc1"], "1.26", "1.27"),
        (["1.26.8", "1.25.1"], "1.26", "1.26"),
        ([], "1.2.3", "1.2.3"),
        (["1.0.0"], "1.2.3", "1.2.3"),
    ],
)
def test_the_newest_release_of_the_same_kind_is_proposed(offered: list[str], pinned: str, found: str) -> None:
    assert versions.newest(offered, pinned) == found


def test_newer_versions_end_with_1_and_say_what_to_change(capsys: pytest.CaptureFixture[str]) -> None:
    assert versions.main([], lambda pin: ["v0.99.0"] if pin.name == "kind" else [pin.version]) == 1
    printed = capsys.readouterr().out
    assert re.search(r"^kind +0\.\d+\.0 +0\.99\.0$", printed, re.MULTILINE)
    assert "ci/offline/kind/go.mod: sigs.k8s.io/kind v0.99.0" in printed
    assert "go mod tidy" in printed


def test_nothing_newer_ends_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert versions.main([], lambda pin: [pin.version]) == 0
    assert "go.mod" not in capsys.readouterr().out


def test_a_question_without_an_answer_ends_with_3(capsys: pytest.CaptureFixture[str]) -> None:
    def unanswered(pin: Pin) -> list[str]:
        raise SuiteError(f"nobody knows {pin.name}")

    assert versions.main([], unanswered) == 3
    assert "unknown: nobody knows kind" in capsys.readouterr().out


def test_a_held_version_is_not_asked_for_and_its_reason_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[str] = []

    def ask(pin: Pin) -> list[str]:
        asked.append(pin.name)
        return [pin.version]

    assert versions.main([], ask) == 0
    assert "gvisor" not in asked
    assert {"youki", "kind"} <= set(asked)
    assert re.search(r"^gvisor +held: later modules lack", capsys.readouterr().out, re.MULTILINE)


def test_the_package_managers_are_asked_with_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, float]] = []

    def run(command: process.Command | list[str], *, deadline: float) -> process.Outcome:
        argv = command.argv if isinstance(command, process.Command) else command
        asked.append((" ".join(map(str, argv)), deadline))
        answers = {"go": "example.org/a v1.0.0 v1.1.0\n", "cargo": "a #tag\nrust-version: 1.85\nversion: 1.1.0\n"}
        out = answers.get(str(argv[0]), "a (1.1)\nAvailable versions: 1.1, 1.0\n")
        return process.Outcome(argv=(), code=0, stdout=out, stderr="", seconds=0.0)

    monkeypatch.setattr(process, "run", run)
    assert versions.ask(versions.Pin(name="a", version="1", module="example.org/a")) == ["v1.0.0", "v1.1.0"]
    assert versions.ask(versions.Pin(name="a", version="1", package="a")) == ["1.1", "1.0"]
    assert asked[0] == ("go list -m -versions example.org/a", 60.0)
    assert asked[1][0].endswith("pip index --disable-pip-version-check versions a")
    assert versions.ask(versions.Pin(name="a", version="1", crate="a")) == ["1.1.0"]
    assert asked[2] == ("cargo info a", 60.0)


def test_a_manager_that_names_no_version_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = process.Outcome(argv=(), code=0, stdout="rust-version: 1.85\n", stderr="", seconds=0.0)
    monkeypatch.setattr(process, "run", lambda *_, **__: nothing)
    for pin in (versions.Pin(name="a", version="1", package="a"), versions.Pin(name="a", version="1", crate="a")):
        with pytest.raises(SuiteError, match="of a"):
            versions.ask(pin)


def test_every_base_image_is_found_with_the_places_that_name_it() -> None:
    bases = digests.bases()
    assert "ci/images/minimal/recipe.toml: base" in bases["docker.io/library/debian:bookworm-slim"]
    assert "ci/images/keystone-wheels-30/recipe.toml: BASE_IMAGE" in bases["docker.io/library/debian:bookworm-slim"]
    entrypoint = bases["quay.io/airshipit/kubernetes-entrypoint:v1.0.0"]
    assert entrypoint == [
        "ci/images/kolla-newton-entrypoint/recipe.toml: base",
        "ci/images/stackanetes/recipe.toml: ENTRYPOINT_IMAGE",
    ]


def test_digests_are_proposed_for_each_recipe_and_a_silent_registry_is_named(tmp_path: Path) -> None:
    for name, base in [("a", "docker.io/library/x:1"), ("b", "quay.io/y:2@sha256:22"), ("c", "quay.io/z:3")]:
        folder = tmp_path / "ci" / "images" / name
        folder.mkdir(parents=True)
        (folder / "build.sh").touch()
        (folder / "recipe.toml").write_text(
            'summary = "s"\nminutes = 1\ndisk_mib = 1\nfiles = ["image.tar"]\n'
            f'[bases]\nSECOND = "docker.io/library/x:1"\n'
            f'[image]\nreference = "osh-conformance.invalid/{name}:1"\norigin = "built"\nbase = "{base}"\n'
        )

    def looked_up(references: Iterable[str]) -> dict[str, Lookup]:
        known = {"docker.io/library/x:1": "sha256:11", "quay.io/y:2": "sha256:22"}
        return {
            reference: Lookup(reference=reference, answer=Answer.FOUND, digest=known[reference])
            if reference in known
            else Lookup(reference=reference, answer=Answer.UNREACHABLE, message="no answer within 3 s")
            for reference in references
        }

    lines, other, failed = digests.compare(digests.bases(tmp_path), looked_up)
    assert lines == [
        "docker.io/library/x:1: sha256:11",
        '  ci/images/a/recipe.toml: base = "docker.io/library/x:1@sha256:11"',
        *(f'  ci/images/{name}/recipe.toml: SECOND = "docker.io/library/x:1@sha256:11"' for name in "abc"),
        "quay.io/y:2@sha256:22: -",
        "quay.io/z:3: unknown: no answer within 3 s",
    ]
    assert other
    assert failed
