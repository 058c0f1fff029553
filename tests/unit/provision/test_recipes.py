"""Recipes: their order, their keys, their errors, and what building them leaves."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from osh_conformance.errors import SuiteError, UsageError
from osh_conformance.folders import Folders
from osh_conformance.progress import Progress
from osh_conformance.provision import recipes
from osh_conformance.provision.build import Builder
from osh_conformance.registry import images
from tests.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def write(root: Path, name: str, toml: str = "", *, kind: str = "offline", script: str = "touch $OUT/made\n") -> Path:
    folder = root / kind / name
    folder.mkdir(parents=True)
    head = 'summary = "a thing"\nminutes = 1\ndisk_mib = 1\nfiles = ["made"]\n'
    (folder / "recipe.toml").write_text(head + toml)
    (folder / "build.sh").write_text(script)
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "recipes"
    write(root, "compiler")
    write(root, "base", '[image]\nreference = "docker.io/library/base:1"\norigin = "stand-in"\n', kind="images")
    write(root, "node", 'needs = ["compiler"]\n')
    write(
        root,
        "server",
        '[image]\nreference = "docker.io/x/server:1"\norigin = "built"\nbase = "docker.io/library/base:1"\n',
        kind="images",
    )
    return root


@pytest.fixture
def builder(root: Path, tmp_path: Path) -> Builder:
    folders = Folders(cache=tmp_path / "cache", state=tmp_path / "state")
    return Builder(recipes=recipes.load(root), folders=folders, progress=Progress(quiet=True))


def keys(root: Path) -> dict[str, str]:
    known = recipes.load(root)
    return {name: known.key(name) for name in known.by_name}


def test_a_recipe_comes_after_what_it_needs(root: Path) -> None:
    known = recipes.load(root)
    assert [recipe.name for recipe in known.order(["node"])] == ["compiler", "node"]


@pytest.mark.parametrize(
    ("published", "missing"),
    [("docker.io/library/base:1", ["server"]), ("docker.io/library/other:1", ["base", "server"])],
)
def test_a_base_image_is_built_only_where_it_cannot_be_pulled(
    builder: Builder, published: str, missing: list[str]
) -> None:
    builder.can_pull = lambda reference: reference == published
    assert [r.name for r in builder.missing(["server"])] == missing


def test_the_recipe_of_a_base_image_stands_in_for_one_that_is_pinned_by_digest(root: Path, tmp_path: Path) -> None:
    pinned = f"docker.io/library/base:1@sha256:{'a' * 64}"
    write(root, "pinned", f'[image]\nreference = "quay.io/p:1"\norigin = "built"\nbase = "{pinned}"\n')
    known = recipes.load(root)
    assert [recipe.name for recipe in known.order(["pinned"])] == ["base", "pinned"]
    builder = Builder(
        recipes=known,
        folders=Folders(cache=tmp_path / "cache", state=tmp_path / "state"),
        progress=Progress(quiet=True),
        can_pull=lambda reference: reference == pinned,
    )
    assert [recipe.name for recipe in builder.missing(["pinned"])] == ["pinned"]


def test_without_docker_no_image_counts_as_published(builder: Builder) -> None:
    assert [r.name for r in builder.missing(["server"])] == ["base", "server"]


def test_a_key_counts_the_recipe_of_the_base_image_whether_it_is_pulled_or_not(root: Path, builder: Builder) -> None:
    before = builder.place("server")
    builder.can_pull = lambda _: True
    assert builder.place("server") == before
    (root / "images" / "base" / "patch").write_text("")
    assert keys(root)["server"] != before.name.rpartition("-")[2]


def test_a_base_that_can_neither_be_pulled_nor_built_is_an_error(root: Path, builder: Builder) -> None:
    shutil.rmtree(root / "images" / "base")
    builder.recipes = recipes.load(root)
    with pytest.raises(SuiteError, match=r"`server` builds on docker.io/library/base:1, which cannot be pulled"):
        builder.missing(["server"])
    builder.can_pull = lambda _: True
    assert [r.name for r in builder.missing(["server"])] == ["server"]


def test_a_key_does_not_depend_on_where_the_recipes_are(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root, tmp_path / "elsewhere")
    assert keys(root) == keys(tmp_path / "elsewhere")


@pytest.mark.parametrize("junk", ["__pycache__/x.pyc", "build.sh~", ".build.sh.swp"])
def test_cache_files_do_not_change_a_key(root: Path, junk: str) -> None:
    before = keys(root)
    path = root / "offline" / "compiler" / junk
    path.parent.mkdir(exist_ok=True)
    path.write_text("junk")
    assert keys(root) == before


def test_a_change_changes_the_keys_of_all_dependents(root: Path) -> None:
    before = keys(root)
    (root / "offline" / "compiler" / "patch").write_text("")
    after = keys(root)
    assert {name for name in before if before[name] != after[name]} == {"compiler", "node"}


def test_an_execute_bit_changes_the_key_and_a_umask_does_not(root: Path) -> None:
    script = root / "offline" / "compiler" / "build.sh"
    script.chmod(0o644)
    before = keys(root)["compiler"]
    script.chmod(0o600)
    assert keys(root)["compiler"] == before
    script.chmod(0o700)
    assert keys(root)["compiler"] != before


def test_a_cycle_of_recipes_is_an_error_that_names_them(root: Path) -> None:
    write(root, "hen", 'needs = ["egg"]\n')
    write(root, "egg", 'needs = ["hen"]\n')
    with pytest.raises(UsageError, match=r"(hen|egg) ->"):
        recipes.load(root).order(["hen"])


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ('needs = ["nobody"]\n', "needs `nobody`"),
        ("needs = [\n", "does not parse"),
        ('[image]\nreference = "x/y:1"\norigin = "found"\n', ":7: `image.origin`: no value `found`"),
        ("neds = []\n", ":5: no field `neds`: did you mean `needs`"),
        ('minutes = "1"\n', "does not parse"),
        ("programs = [1]\n", r":5: `programs\[0\]`: expected `str`, got `int`"),
        ('[image]\norigin = "built"\n', ":5: image: the field `reference` is missing"),
    ],
)
def test_a_malformed_recipe_is_an_error_that_names_its_file(root: Path, toml: str, message: str) -> None:
    folder = write(root, "odd", toml)
    with pytest.raises(UsageError, match=message) as raised:
        recipes.load(root)
    assert str(folder / "recipe.toml") in str(raised.value)


def test_a_build_is_put_in_place_once(builder: Builder) -> None:
    builder.provide(["node"])
    assert (builder.place("node") / "made").exists()
    made = builder.place("node").stat().st_ino
    builder.provide(["node"])
    assert builder.place("node").stat().st_ino == made
    assert list(builder.folders.work.iterdir()) == []


def test_a_finished_build_needs_its_build_programs_no_more(builder: Builder) -> None:
    builder.provide(["node"])
    shutil.rmtree(builder.place("compiler"))
    assert builder.missing(["node"]) == ()


def test_a_failed_step_names_its_log_and_how_to_repeat_it(root: Path, tmp_path: Path) -> None:
    write(root, "broken", script="echo the reason; exit 3\n")
    folders = Folders(cache=tmp_path / "cache", state=tmp_path / "state")
    builder = Builder(recipes=recipes.load(root), folders=folders, progress=Progress(quiet=True))
    with pytest.raises(SuiteError) as raised:
        builder.provide(["broken"])
    text = str(raised.value)
    assert "exit code 3" in text
    assert f"{folders.logs}/{builder.place('broken').name}.log" in text
    assert "osh-conformance setup --only broken" in text
    assert "the reason" in text
    assert not builder.place("broken").exists()


def test_a_build_without_its_promised_files_fails(root: Path, tmp_path: Path) -> None:
    write(root, "lazy", script="true\n")
    folders = Folders(cache=tmp_path / "cache", state=tmp_path / "state")
    builder = Builder(recipes=recipes.load(root), folders=folders, progress=Progress(quiet=True))
    with pytest.raises(SuiteError, match="made"):
        builder.provide(["lazy"])


def test_too_little_disk_is_an_error_before_the_build(builder: Builder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("osh_conformance.provision.build.free_bytes", lambda _: 1 << 20)
    with pytest.raises(SuiteError, match=r"GiB .* free"):
        builder.provide(["node"])
    assert not builder.place("compiler").exists()


def test_a_missing_program_is_an_error_that_names_it(root: Path, tmp_path: Path) -> None:
    write(root, "exotic", 'programs = ["no-such-program"]\n')
    folders = Folders(cache=tmp_path / "cache", state=tmp_path / "state")
    builder = Builder(recipes=recipes.load(root), folders=folders, progress=Progress(quiet=True))
    with pytest.raises(SuiteError, match="no-such-program"):
        builder.provide(["exotic"])


def test_the_recipes_of_this_project_are_valid() -> None:
    known = recipes.load(ROOT / "ci")
    assert known.providing(images.REGISTRY_IMAGE) is not None
    assert known.order(known.by_name)
