"""Where each image of a run comes from: found out before anything is pulled, built or started."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from osh_conformance.errors import SuiteError
from osh_conformance.provision.registries import belongs_to_nobody
from osh_conformance.registry import images
from osh_conformance.registry.answers import Answer
from osh_conformance.registry.lookup import look_up_all

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from osh_conformance.provision.build import Builder
    from osh_conformance.provision.docker import Docker
    from osh_conformance.provision.recipes import Recipe
    from osh_conformance.provision.registries import Registries
    from osh_conformance.registry.lookup import Lookup

#: Seconds for the answers of a registry after the connection: a log-in, a credential helper, and the image.
_ANSWER = 2.0


class Source(Enum):
    """Where an image comes from; the value is the text for it."""

    IN_DOCKER = "in Docker"
    BUILT = "built"
    PULL = "to pull"
    BUILD = "to build"
    STAND_IN = "to build as a stand-in, because no registry answers"
    GONE = "to build as a stand-in, because no registry has it any more"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """Where one image comes from. `recipe` is the one that makes it, `problem` and `fix` say why it is missing."""

    reference: str
    source: Source
    recipe: str = ""
    problem: str = ""
    fix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Supplies:
    """The means to get images on one machine. `docker` None: an engine that `setup` still has to start.

    `coming` are the recipes that `setup` builds before those of images; they can bring programs and packages.
    """

    docker: Docker | None
    builder: Builder | None
    registries: Registries
    coming: tuple[str, ...] = ()

    def forecast(self, references: Iterable[str]) -> tuple[Supply, ...]:
        """Return where each image would come from. Asks registries about images that are neither built nor in Docker.

        Takes a few seconds at most, as long as the patience of `registries` allows. Changes nothing.
        """
        found = {reference: self._without_registry(reference) for reference in sorted(set(references))}
        asked = [reference for reference, supply in found.items() if supply is None]
        self.registries.ask(asked)
        answers = self._answers([reference for reference in asked if not self.registries.silence(reference)])
        published = {reference: self._published(reference, answers.get(reference)) for reference in asked}
        return tuple(supply or published[reference] for reference, supply in found.items())

    def _answers(self, references: Sequence[str]) -> Mapping[str, Lookup]:
        # Docker knows how to ask the others.
        known = [reference for reference in references if not self.registries.only_docker_reaches(reference)]
        if not known:
            return {}
        patience = self.registries.patience
        return look_up_all(
            known, connect_within=patience, answer_within=patience + _ANSWER, mirrors=self.registries.mirrors
        )

    def _without_registry(self, reference: str) -> Supply | None:
        """Return the supply of an image that needs no registry; None for one that needs it."""
        try:
            name = images.name(reference)
        except SuiteError as error:
            return _missing(reference, error.message)
        recipe = self._recipe(reference)
        nobodys, canonical = belongs_to_nobody(name.host), name.canonical
        if recipe and recipe.image and (nobodys or recipe.image.origin == images.BUILT):
            return self._made(reference, recipe, Source.BUILD)
        if self.docker and self.docker.has_image(canonical):
            return Supply(reference=reference, source=Source.IN_DOCKER)
        if recipe and recipe.image and not recipe.image.published:
            return self._made(reference, recipe, Source.GONE)
        if nobodys:
            return _missing(
                reference,
                "it is one of the suite's own images, and no recipe here builds it",
                "use --recipes DIR, or a flavor whose images are published",
            )
        return None

    def _published(self, reference: str, lookup: Lookup | None) -> Supply:
        if lookup and lookup.answer not in {Answer.FOUND, Answer.UNREACHABLE}:
            return _missing(reference, lookup.message, lookup.fix)
        if self.registries.only_docker_reaches(reference) or (lookup and (lookup.found or lookup.connected)):
            # Without an answer only a pull shows whether the image is there.
            return Supply(reference=reference, source=Source.PULL)
        recipe = self._recipe(reference)
        if recipe:
            return self._made(reference, recipe, Source.STAND_IN)
        silence = lookup.message if lookup else self.registries.silence(reference)
        return _missing(reference, f"no registry answers ({silence}), and no recipe here makes a stand-in")

    def _recipe(self, reference: str) -> Recipe | None:
        return images.recipe_of(reference, self.builder.recipes) if self.builder else None

    def _made(self, reference: str, recipe: Recipe, source: Source) -> Supply:
        """Return the supply of an image that a recipe makes, if everything that the recipe needs is there."""
        if self.builder is None or self.builder.place(recipe.name).is_dir():
            return Supply(reference=reference, source=Source.BUILT, recipe=recipe.name)
        known = set(self.builder.problems(self.coming))
        problems = [each for each in self.builder.problems([*self.coming, recipe.name]) if each not in known]
        if problems:
            return _missing(reference, f"the recipe `{recipe.name}` cannot build it: {'; '.join(problems)}")
        return Supply(reference=reference, source=source, recipe=recipe.name)


def _missing(reference: str, problem: str, fix: str = "") -> Supply:
    return Supply(reference=reference, source=Source.MISSING, problem=problem, fix=fix)
