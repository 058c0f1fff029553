"""Recipes: what the suite can build, from what, and the content key of a build."""

from __future__ import annotations

import fnmatch
import graphlib
import hashlib
import os
import tomllib
from collections.abc import Mapping  # noqa: TC003  (the loader reads the types of fields)
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated

from osh_conformance.errors import UsageError
from osh_conformance.loading import records
from osh_conformance.model.field_values import one_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: Files that programs leave behind. They are no part of a recipe, and must not change its key.
_JUNK = ("__pycache__", "*.pyc", ".*", "*~", "*.orig", "*.rej")
_KEY_DIGITS = 16
_FOLDERS = ("offline", "images")
_SHARED = "shared"
_PROJECT = "osh-conformance"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSpec:
    """The container image that a recipe makes."""

    reference: str
    """The reference under which the suite serves it."""
    origin: Annotated[str, one_of("built", "stand-in")]
    """`built` from the same sources as the image of that name, or a `stand-in` for it."""
    base: str | None = None
    """The reference of the image that it builds on."""
    published: bool = True
    """False for a stand-in whose reference no registry serves any more. Every machine builds it, and asks none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeFile:
    """`recipe.toml`, beside the script `build.sh`."""

    summary: str
    """The result, in one line."""
    minutes: float
    """Minutes of a build without a cache, on two cores."""
    disk_mib: int
    """MiB of disk that a build takes."""
    files: tuple[str, ...]
    """The files that a build leaves."""
    needs: tuple[str, ...] = ()
    """The recipes that must be built before."""
    programs: tuple[str, ...] = ()
    """The programs that must be on PATH."""
    packages: tuple[str, ...] = ()
    """The Debian packages that have them."""
    env: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    """Environment variables of the script."""
    shared: tuple[str, ...] = ()
    """The files in the folder `shared` that it uses. Its key counts them."""
    bases: Mapping[str, str] = field(default_factory=dict)
    """Images that its build takes files or programs from, besides `image.base`, by the variable that names each."""
    image: ImageSpec | None = None
    """The container image that it makes, if it makes one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe(RecipeFile):
    """A folder with `recipe.toml` and `build.sh`."""

    name: str
    folder: Path
    env: Mapping[str, str]


@dataclass(slots=True, kw_only=True)
class Recipes:
    """All recipes, and what they build on."""

    root: Path
    by_name: Mapping[str, Recipe]
    _keys: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Recipe:
        """Return the recipe called `name`; raises `UsageError`."""
        try:
            return self.by_name[name]
        except KeyError:
            raise UsageError(
                f"there is no recipe `{name}` in {self.root}", expected="one of " + ", ".join(sorted(self.by_name))
            ) from None

    def __contains__(self, name: object) -> bool:
        return name in self.by_name

    @property
    def shared(self) -> Path:
        """The folder of the files that several recipes use."""
        return self.root / _SHARED

    def inputs(self, recipe: Recipe) -> tuple[str, ...]:
        """Return the names of the recipes whose results `recipe` can contain.

        A recipe that makes a base image counts, also where that image is pulled instead. So a key does not depend on
        whether a registry answers today.
        """
        providers = (self.providing(reference) for reference in bases(recipe).values())
        return tuple(dict.fromkeys((*recipe.needs, *(provider.name for provider in providers if provider))))

    def providing(self, reference: str) -> Recipe | None:
        """Return the recipe that makes the image `reference`; a digest in it names the published image."""
        tagged = reference.partition("@")[0]
        return next((r for r in self.by_name.values() if r.image and r.image.reference == tagged), None)

    def order(self, names: Iterable[str]) -> tuple[Recipe, ...]:
        """Return the recipes `names` and all of their inputs, in building order; raises `UsageError` on a cycle."""
        graph: dict[str, tuple[str, ...]] = {}
        todo = list(names)
        while todo:
            name = todo.pop()
            if name not in graph:
                graph[name] = self.inputs(self[name])
                todo += graph[name]
        ordered = {name: tuple(sorted(graph[name])) for name in sorted(graph)}
        try:
            return tuple(self[name] for name in graphlib.TopologicalSorter(ordered).static_order())
        except graphlib.CycleError as error:
            raise UsageError(f"recipes in {self.root} need each other: {' -> '.join(error.args[1])}") from None

    def key(self, name: str) -> str:
        """Return the content key: a hash of the recipe's folder, of its shared files, and of its inputs' keys."""
        if name not in self._keys:
            for recipe in self.order([name]):
                needed = [self._keys[other] for other in sorted(self.inputs(recipe))]
                shared = [self.shared / name for name in recipe.shared]
                self._keys.setdefault(recipe.name, content_key(recipe.folder, needed, shared))
        return self._keys[name]


def load(root: Path) -> Recipes:
    """Read the recipes below `root`/offline and `root`/images; raises `UsageError` for a mistake in one."""
    recipes: dict[str, Recipe] = {}
    for kind in _FOLDERS:
        for path in sorted((root / kind).glob("*/recipe.toml")):
            recipe = _parse(path)
            if recipe.name in recipes:
                raise UsageError(
                    f"two recipes are called `{recipe.name}`: {recipes[recipe.name].folder} and {path.parent}"
                )
            recipes[recipe.name] = recipe
    for recipe in recipes.values():
        file = recipe.folder / "recipe.toml"
        for need in recipe.needs:
            if need not in recipes:
                raise UsageError(f"{file}: needs `{need}`, and there is no such recipe in {root}")
        for name in recipe.shared:
            if not (root / _SHARED / name).is_file():
                raise UsageError(f"{file}: uses `{name}`, and there is no such file in {root / _SHARED}")
    return Recipes(root=root, by_name=MappingProxyType(recipes))


def bases(recipe: Recipe) -> Mapping[str, str]:
    """Return the images that a recipe builds on, by the variable that names each to its build.sh."""
    first = {"BASE_IMAGE": recipe.image.base} if recipe.image and recipe.image.base else {}
    return {**first, **recipe.bases}


def content_key(folder: Path, needed: Iterable[str], shared: Iterable[Path] = ()) -> str:
    """Hash the names, execute bits and contents of the files in `folder` and of shared files, and the needed keys."""
    digest = hashlib.sha256()
    for path in sorted(_files(folder), key=lambda p: p.relative_to(folder).as_posix()):
        _hash(digest, path, path.relative_to(folder).as_posix())
    for path in sorted(shared):
        digest.update(b"\0shared ")
        _hash(digest, path, path.name)
    for key in needed:
        digest.update(f"\0needs {key}".encode())
    return digest.hexdigest()[:_KEY_DIGITS]


def _hash(digest: hashlib._Hash, path: Path, name: str) -> None:
    content = str(path.readlink()).encode() if path.is_symlink() else path.read_bytes()
    # Only the execute bit: the rest of the mode depends on the umask of the clone.
    mode = "l" if path.is_symlink() else "x" if path.stat().st_mode & 0o100 else "-"
    digest.update(f"{name}\0{mode}\0{len(content)}\0".encode())
    digest.update(content)


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if any(fnmatch.fnmatch(path.name, pattern) for pattern in _JUNK):
            continue
        if path.is_dir() and not path.is_symlink():
            yield from _files(path)
        else:
            yield path


def _parse(path: Path) -> Recipe:
    read = records.load(RecipeFile, path)
    folder = path.parent.absolute()
    if not (folder / "build.sh").is_file():
        raise UsageError(f"{path.parent}: no build.sh in it")
    return Recipe(
        **{each.name: getattr(read, each.name) for each in fields(RecipeFile) if each.name != "env"},
        env=MappingProxyType({name: str(value) for name, value in read.env.items()}),
        name=path.parent.name,
        folder=folder,
    )


def recipes_folder(named: Path | None = None) -> Path | None:
    """Return the folder of recipes: a named one, a checkout's, or the one in this package.

    The order: `named`, `OSH_CONFORMANCE_RECIPES`, `ci` of the checkout of this package, `ci` of the checkout in which
    this process works, the package. None: there are none. Raises `UsageError` for a named folder without recipes.
    """
    requested = named or (Path(value) if (value := os.environ.get("OSH_CONFORMANCE_RECIPES")) else None)
    if requested is not None:
        if not _has_recipes(requested):
            raise UsageError(
                f"{requested} is no folder of recipes", expected=" or ".join(f"{requested / k}/" for k in _FOLDERS)
            )
        return requested.absolute()
    try:
        here = Path.cwd()
    except FileNotFoundError:
        # Somebody removed the working directory. Then no checkout is above it.
        here = Path("/")
    # src/osh_conformance/provision/recipes.py -> the checkout.
    for folder in (Path(__file__).resolve().parents[3], here, *here.parents):
        if _is_checkout(folder):
            return folder / "ci"
    packaged = Path(__file__).resolve().parents[1] / "recipes"
    return packaged if _has_recipes(packaged) else None


def _has_recipes(folder: Path) -> bool:
    return any((folder / kind).is_dir() for kind in _FOLDERS)


def _is_checkout(folder: Path) -> bool:
    """Whether a folder is a checkout of this project: recipes are programs, so no other `ci` will do."""
    if not _has_recipes(folder / "ci"):
        return False
    try:
        project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8")).get("project", {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return False
    return isinstance(project, dict) and project.get("name") == _PROJECT
