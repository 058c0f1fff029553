"""Where each image of a run comes from: found out before anything is pulled, built or started."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from osh_conformance.provision.registries import belongs_to_nobody
from osh_conformance.registry import images
from osh_conformance.registry.answers import Answer
from osh_conformance.registry.lookup import look_up_all

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from osh_conformance.provision.build import Builder
    from osh_conformance.provision.docker import Docker
    from osh_conformance.provision.recipes import Recipe
    from osh_conformance.provision.registries import Registries
    from osh_conformance.registry.lookup import Lookup


class Source(Enum):
    """Where an image comes from; the value is the text for it."""

    IN_DOCKER = "in Docker"
    BUILT = "built"
    PULL = "to pull"
    BUILD = "to build"
    STAND_IN = "to build as a stand-in, because no registry answers"
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
    """The means to get images on one machine. `docker` None: an engine that `setup` still has to start."""

    docker: Docker | None
    builder: Builder | None
    registries: Registries

    def forecast(self, references: Iterable[str]) -> tuple[Supply, ...]:
        """Return where each image would come from. Asks registries about images that are neither built nor in Docker.

        Takes a few seconds at most. Changes nothing.
        """
        wanted = {reference: images.name(reference).canonical for reference in sorted(set(references))}
        found = {reference: self._without_registry(reference, canonical) for reference, canonical in wanted.items()}
        asked = [wanted[reference] for reference, supply in found.items() if supply is None]
        self.registries.ask(asked)
        reachable = [canonical for canonical in asked if not self.registries.silence(canonical)]
        answers = look_up_all(reachable, mirrors=self.registries.mirrors) if reachable else {}
        return tuple(
            supply or self._published(reference, wanted[reference], answers) for reference, supply in found.items()
        )

    def _without_registry(self, reference: str, canonical: str) -> Supply | None:
        """Return the supply of an image that needs no registry; None for one that needs it."""
        recipe = self._recipe(reference)
        nobodys = belongs_to_nobody(images.name(reference).host)
        if recipe and recipe.image and (nobodys or recipe.image.origin == images.BUILT):
            return self._made(reference, recipe, Source.BUILD)
        if self.docker and self.docker.has_image(canonical):
            return Supply(reference=reference, source=Source.IN_DOCKER)
        if nobodys:
            return _missing(
                reference,
                "it is one of the suite's own images, and no recipe here builds it",
                "use --recipes DIR, or a flavor whose images are published",
            )
        return None

    def _published(self, reference: str, canonical: str, answers: Mapping[str, Lookup]) -> Supply:
        lookup = answers.get(canonical)
        if lookup and lookup.answer is Answer.FOUND:
            return Supply(reference=reference, source=Source.PULL)
        if lookup and lookup.answer is not Answer.UNREACHABLE:
            return _missing(reference, lookup.message, lookup.fix)
        if lookup and self.registries.proxied:
            # Docker has a proxy of its own, so only a pull shows what it reaches.
            return Supply(reference=reference, source=Source.PULL)
        recipe = self._recipe(reference)
        if recipe:
            return self._made(reference, recipe, Source.STAND_IN)
        silence = lookup.message if lookup else self.registries.silence(canonical)
        return _missing(reference, f"no registry answers ({silence}), and no recipe here makes a stand-in")

    def _recipe(self, reference: str) -> Recipe | None:
        return images.recipe_of(reference, self.builder.recipes) if self.builder else None

    def _made(self, reference: str, recipe: Recipe, source: Source) -> Supply:
        """Return the supply of an image that a recipe makes, if everything that the recipe needs is there."""
        if self.builder is None or self.builder.place(recipe.name).is_dir():
            return Supply(reference=reference, source=Source.BUILT, recipe=recipe.name)
        problems = self.builder.problems([recipe.name])
        if problems:
            return _missing(reference, f"the recipe `{recipe.name}` cannot build it: {'; '.join(problems)}")
        return Supply(reference=reference, source=source, recipe=recipe.name)


def _missing(reference: str, problem: str, fix: str = "") -> Supply:
    return Supply(reference=reference, source=Source.MISSING, problem=problem, fix=fix)
