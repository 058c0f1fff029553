"""Recipes: their contents, what they need, and the key that identifies a build."""

from __future__ import annotations

import fnmatch
import graphlib
import hashlib
import os
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from osh_conformance.errors import SuiteError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

#: Files that programs leave behind. They are not part of a recipe and must not change its key.
_JUNK = ("__pycache__", "*.pyc", ".*", "*~", "*.orig", "*.rej")
_ORIGINS = ("built", "stand-in")
_KEY_DIGITS = 16
_FOLDERS = ("offline", "images")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSpec:
    """The container image that a recipe builds: its reference, and whether it is the original or a stand-in."""

    reference: str
    origin: str
    base: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A folder with `recipe.toml` and `build.sh`. `minutes` and `disk_mib` are those of a cold build on two cores."""

    name: str
    folder: Path
    summary: str
    needs: tuple[str, ...]
    minutes: float
    disk_mib: int
    programs: tuple[str, ...]
    packages: tuple[str, ...]
    files: tuple[str, ...]
    env: Mapping[str, str]
    image: ImageSpec | None


@dataclass(slots=True, kw_only=True)
class Recipes:
    """All recipes. `offline`: base images come from recipes, and not from a container registry."""

    root: Path
    by_name: Mapping[str, Recipe]
    offline: bool
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

    def requirements(self, recipe: Recipe) -> tuple[str, ...]:
        """Return the names of the recipes that must be built before `recipe`."""
        base = self.base_recipe(recipe)
        return recipe.needs + ((base.name,) if base and base.name not in recipe.needs else ())

    def base_recipe(self, recipe: Recipe) -> Recipe | None:
        """Return the recipe of the base image of `recipe`; None if it has none, or Docker pulls it."""
        if not self.offline or recipe.image is None or recipe.image.base is None:
            return None
        provider = self.providing(recipe.image.base)
        if provider is None:
            raise SuiteError(
                f"recipe `{recipe.name}` builds on {recipe.image.base}, which no recipe in {self.root} builds",
                expected="a reachable container registry, or a recipe with this reference",
            )
        return provider

    def providing(self, reference: str) -> Recipe | None:
        """Return the recipe whose image has the reference `reference`; None if there is none."""
        return next((r for r in self.by_name.values() if r.image and r.image.reference == reference), None)

    def order(self, names: Iterable[str]) -> tuple[Recipe, ...]:
        """Return the recipes `names` and their needs, each after its needs; raises `UsageError` on a cycle."""
        graph: dict[str, tuple[str, ...]] = {}
        todo = list(names)
        while todo:
            name = todo.pop()
            if name not in graph:
                graph[name] = self.requirements(self[name])
                todo += graph[name]
        ordered = {name: tuple(sorted(graph[name])) for name in sorted(graph)}
        try:
            return tuple(self[name] for name in graphlib.TopologicalSorter(ordered).static_order())
        except graphlib.CycleError as error:
            raise UsageError(f"recipes in {self.root} need each other: {' -> '.join(error.args[1])}") from None

    def key(self, name: str) -> str:
        """Return the content key. It depends only on the recipe's folder and the keys of its needs."""
        if name not in self._keys:
            for recipe in self.order([name]):
                needed = [self._keys[other] for other in sorted(self.requirements(recipe))]
                self._keys.setdefault(recipe.name, content_key(recipe.folder, needed))
        return self._keys[name]


def load(root: Path, *, offline: bool) -> Recipes:
    """Read the recipes below `root`/offline and `root`/images; raises `UsageError` where one cannot be understood."""
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
        for need in recipe.needs:
            if need not in recipes:
                raise UsageError(
                    f"{recipe.folder / 'recipe.toml'}: needs `{need}`, and there is no such recipe in {root}"
                )
    return Recipes(root=root, by_name=MappingProxyType(recipes), offline=offline)


def content_key(folder: Path, needed: Iterable[str]) -> str:
    """Hash the names, execute bits and contents of the files in `folder`, and the keys of what it needs."""
    digest = hashlib.sha256()
    for path in sorted(_files(folder), key=lambda p: p.relative_to(folder).as_posix()):
        content = str(path.readlink()).encode() if path.is_symlink() else path.read_bytes()
        # Only the execute bit: the rest of the mode is the umask of whoever cloned.
        mode = "l" if path.is_symlink() else "x" if path.stat().st_mode & 0o100 else "-"
        digest.update(f"{path.relative_to(folder).as_posix()}\0{mode}\0{len(content)}\0".encode())
        digest.update(content)
    for key in needed:
        digest.update(f"\0needs {key}".encode())
    return digest.hexdigest()[:_KEY_DIGITS]


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if any(fnmatch.fnmatch(path.name, pattern) for pattern in _JUNK):
            continue
        if path.is_dir() and not path.is_symlink():
            yield from _files(path)
        else:
            yield path


def _parse(path: Path) -> Recipe:
    try:
        data = tomllib.loads(path.read_text())
        image = data.get("image")
        recipe = Recipe(
            name=path.parent.name,
            folder=path.parent.absolute(),
            summary=data["summary"],
            needs=tuple(data.get("needs", ())),
            minutes=float(data["minutes"]),
            disk_mib=int(data["disk_mib"]),
            programs=tuple(data.get("programs", ())),
            packages=tuple(data.get("packages", ())),
            files=tuple(data["files"]),
            env=MappingProxyType({name: str(value) for name, value in data.get("env", {}).items()}),
            image=_parse_image(path, image) if image else None,
        )
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, TypeError, ValueError) as error:
        raise UsageError(f"{path}: cannot be understood: {error}") from error
    except KeyError as error:
        raise UsageError(f"{path}: {error.args[0]} is missing") from error
    if not (recipe.folder / "build.sh").is_file():
        raise UsageError(f"{path.parent}: has no build.sh")
    return recipe


def _parse_image(path: Path, data: Mapping[str, Any]) -> ImageSpec:
    spec = ImageSpec(reference=data["reference"], origin=data["origin"], base=data.get("base"))
    if spec.origin not in _ORIGINS:
        raise UsageError(f"{path}: image.origin is `{spec.origin}`", expected="one of " + ", ".join(_ORIGINS))
    return spec


def recipes_folder(named: Path | None = None) -> Path | None:
    """The folder of recipes: the one named, `OSH_CONFORMANCE_RECIPES`, or `ci` of the checkout this package runs from.

    None: there is none (the package was installed from a wheel). Raises `UsageError` where one was named and is not.
    """
    asked = named or (Path(value) if (value := os.environ.get("OSH_CONFORMANCE_RECIPES")) else None)
    if asked is not None:
        if not any((asked / kind).is_dir() for kind in _FOLDERS):
            raise UsageError(
                f"{asked} is no folder of recipes", expected=" or ".join(f"{asked / k}/" for k in _FOLDERS)
            )
        return asked.absolute()
    # src/osh_conformance/provision/recipes.py -> the checkout; the marker keeps a foreign `ci` folder out.
    checkout = Path(__file__).resolve().parents[3]
    found = checkout / "ci"
    is_ours = (checkout / "src" / "osh_conformance").is_dir()
    return found if is_ours and any((found / kind).is_dir() for kind in _FOLDERS) else None
