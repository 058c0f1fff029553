"""Recipes: their order, their keys, their errors, and what building them leaves."""

from __future__ import annotations

import shutil
import tomllib
from typing import TYPE_CHECKING

import pytest

from osh_conformance.errors import SuiteError, UsageError
from osh_conformance.folders import Folders
from osh_conformance.loading import definitions
from osh_conformance.progress import Progress
from osh_conformance.provision import recipes
from osh_conformance.provision.build import Builder
from osh_conformance.registry import images
from tests.paths import ROOT
from tests.unit.provision.making import write

if TYPE_CHECKING:
    from pathlib import Path

BOOK = recipes.load(ROOT / "ci")


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


def test_a_shared_file_counts_in_the_keys_of_its_users_only(root: Path) -> None:
    write(root, "user", 'shared = ["docker.sh"]\n')
    with pytest.raises(UsageError, match=r"uses `docker.sh`, and there is no such file"):
        recipes.load(root)
    (root / "shared").mkdir()
    (root / "shared" / "docker.sh").write_text("one")
    before = keys(root)
    (root / "shared" / "docker.sh").write_text("two")
    after = keys(root)
    assert {name for name in before if before[name] != after[name]} == {"user"}


def test_a_key_counts_each_base(root: Path) -> None:
    write(root, "many", '[bases]\nOTHER_IMAGE = "docker.io/library/base:1"\n')
    before = keys(root)
    (root / "images" / "base" / "patch").write_text("")
    after = keys(root)
    assert {name for name in before if before[name] != after[name]} == {"base", "server", "many"}


def checkout(folder: Path, name: str) -> Path:
    (folder / "ci" / "images").mkdir(parents=True)
    (folder / "pyproject.toml").write_text(f'[project]\nname = "{name}"\n')
    return folder


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let this package be an installed one, outside any checkout; return its folder."""
    package = tmp_path / "lib" / "python3" / "site-packages" / "osh_conformance"
    monkeypatch.setattr(recipes, "__file__", str(package / "provision" / "recipes.py"))
    monkeypatch.delenv("OSH_CONFORMANCE_RECIPES", raising=False)
    return package


def test_recipes_are_found_in_the_checkout_around_the_working_directory(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (installed / "recipes" / "images").mkdir(parents=True)
    below = checkout(tmp_path / "mine", "osh-conformance") / "docs"
    below.mkdir()
    monkeypatch.chdir(below)
    assert recipes.recipes_folder() == tmp_path / "mine" / "ci"


@pytest.mark.parametrize("foreign", ["osh-conformance-fork", "else"])
def test_recipes_of_another_project_are_not_taken(
    foreign: str, installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(checkout(tmp_path / "other", foreign))
    assert recipes.recipes_folder() is None
    (installed / "recipes" / "images").mkdir(parents=True)
    assert recipes.recipes_folder() == installed / "recipes"


def test_a_named_folder_comes_before_a_checkout(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert recipes.recipes_folder() == ROOT / "ci"
    monkeypatch.setenv("OSH_CONFORMANCE_RECIPES", str(root))
    assert recipes.recipes_folder() == root
    with pytest.raises(UsageError, match="is no folder of recipes"):
        recipes.recipes_folder(root / "images")


def packaged(folder: Path) -> recipes.Recipes:
    """Return the recipes that a wheel has, as pyproject.toml says."""
    included = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    for source, target in included["force-include"].items():
        if target.startswith("osh_conformance/recipes/"):
            shutil.copytree(ROOT / source, folder / target.removeprefix("osh_conformance/recipes/"))
    return recipes.load(folder)


def test_the_recipes_in_the_wheel_need_docker_and_nothing_else(tmp_path: Path) -> None:
    known = packaged(tmp_path / "recipes")
    assert set(known.by_name) == {each.name for each in BOOK.by_name.values() if each.folder.parent.name == "images"}
    assert {"distribution", "heat-distribution", "minimal", "stackanetes", "yaodu"} <= set(known.by_name)
    for recipe in known.order(known.by_name):
        assert (recipe.programs, recipe.packages) == (("docker",), ())


def test_the_wheel_has_a_recipe_for_each_image_that_no_registry_has(tmp_path: Path) -> None:
    known = packaged(tmp_path / "recipes")
    flavors = definitions.flavors().values()
    named = {text for each in flavors for text in (*each.images.values(), *each.services.values(), each.rest)}
    bases = {text for recipe in known.by_name.values() for text in recipes.bases(recipe).values()}
    made = {recipe.image.reference for recipe in known.by_name.values() if recipe.image}
    assert {text for text in named | bases if ours(text)} == {text for text in made if ours(text)}


def ours(reference: str) -> bool:
    return reference.startswith("osh-conformance.invalid/")


def test_no_recipe_in_ci_images_stands_in_for_a_published_image() -> None:
    for recipe in BOOK.by_name.values():
        if recipe.image:
            unpublished = ours(recipe.image.reference) or not recipe.image.published
            assert unpublished is (recipe.folder.parent.name == "images"), recipe.name


SERVICES = {recipe.name: recipe for recipe in BOOK.by_name.values() if "distribution.sh" in recipe.shared}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_of_the_distribution_is_named_alike_everywhere(name: str) -> None:
    recipe = SERVICES[name]
    assert recipe.image
    service = recipe.env["SERVICE"]
    assert name == f"{service}-distribution"
    assert recipe.image.reference == definitions.flavors()["distribution"].services[service]
