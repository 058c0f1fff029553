"""The images that values declare, in every shape that charts use, and how references are written into them."""

from __future__ import annotations

import copy
import functools
import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from osh_conformance.charts.values import at
from osh_conformance.model.chart import PULL_POLICIES, Shape
from osh_conformance.reference import InvalidReferenceError, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from osh_conformance.model.convention import Convention, ImageFields

    Steps = tuple[str | int, ...]

#: What stands before and after an action of a template in a reference that goes through `tpl`.
_ACTION = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_TAG_NAME = re.compile(r"(^|.*[a-z0-9_-])([Tt]ag|[Vv]ersion|[Dd]igest)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageEntry:
    """One image that values declare.

    - key: the image key.
    - steps: the way to it in values: names, and the numbers of entries in lists.
    - value: the text, or the map of parts.
    - fields: for a map, the name of each part that it has (`repository`, `tag` and so on), by part.
    """

    key: str
    steps: Steps
    value: Any
    shape: Shape
    fields: Mapping[str, str]

    @property
    def path(self) -> str:
        """Its dotted path in values."""
        return dotted(self.steps)

    def value_of(self, part: str) -> str:
        """Return the text of a part of a map, "" if it has none."""
        return str(self.value[self.fields[part]] or "") if part in self.fields else ""

    @property
    def reference(self) -> str:
        """The reference in it, "" if it has none that is complete."""
        if self.shape is Shape.TEXT:
            return "" if self.value is None else str(self.value)
        return composed(self.value, self.fields) if self.shape is Shape.MAP else ""


def dotted(steps: Iterable[str | int]) -> str:
    """Return steps as a path: `images.tags.api`, `images.prepull[0]`."""
    path = ""
    for step in steps:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else str(step)
    return path


def entries(convention: Convention, values: Mapping[str, Any]) -> tuple[ImageEntry, ...]:
    """List the images that `values` declare in the layout of `convention`, and further ones beside its section."""
    found: list[ImageEntry] = []
    if convention.images:
        section = at(values, convention.images)
        if isinstance(section, dict):
            steps = tuple(convention.images.split("."))
            found += [
                entry
                for key, value in section.items()
                if key not in convention.not_keys and not is_policy(value)
                for entry in _in_section(str(key), (*steps, key), value, convention)
            ]
        root = convention.images.partition(".")[0]
        found += _beside(convention, (root,), values.get(root))
    if convention.image_maps:
        found += _matching(convention, (), values)
    return tuple(found)


def is_list_of_references(value: Any, fields: ImageFields) -> bool:
    """Whether a list holds references, as texts or maps, and nothing else."""
    return isinstance(value, list) and bool(value) and all(_is_reference(entry, fields) for entry in value)


def _in_section(key: str, steps: Steps, value: Any, convention: Convention) -> Iterator[ImageEntry]:
    fields = convention.image_fields
    if value is None or (isinstance(value, str | int | float) and not isinstance(value, bool)):
        yield _entry(key, steps, value, Shape.TEXT)
    elif names := map_fields(value, fields):
        yield _entry(key, steps, value, Shape.MAP, names)
    elif isinstance(value, list):
        if any(_is_reference(entry, fields) for entry in value):
            for number, entry in enumerate(value):
                yield from _in_section(f"{key}[{number}]", (*steps, number), entry, convention)
        elif value and "." in convention.images:
            # In a section of its own there are only images. Elsewhere a list is a setting (`pullSecrets: []`).
            yield _entry(key, steps, value, Shape.OTHER)
    else:
        yield _entry(key, steps, value, Shape.OTHER)


def _beside(convention: Convention, steps: Steps, value: Any) -> Iterator[ImageEntry]:
    """Yield complete references below `images` that are no entries of the section; their key is their path."""
    path = dotted(steps)
    if path == convention.pull_policy or steps[-1] in convention.not_keys:
        return
    names = map_fields(value, convention.image_fields)
    whole = is_list_of_references(value, convention.image_fields)
    if path != convention.images and names and composed(value, names):
        yield _entry(path, steps, value, Shape.MAP, names)
        return
    if is_complete(value):
        yield _entry(path, steps, value, Shape.TEXT)
    for step, entry in _inside(value):
        here = (*steps, step)
        names = map_fields(entry, convention.image_fields)
        if whole:
            yield _entry(dotted(here), here, entry, Shape.MAP if names else Shape.TEXT, names)
        elif path != convention.images or not _is_listed(entry, convention.image_fields):
            yield from _beside(convention, here, entry)


def _inside(value: Any) -> Iterable[tuple[Any, Any]]:
    """Return what a mapping holds, or the mappings in a list."""
    if isinstance(value, dict):
        return value.items()
    return enumerate(value) if isinstance(value, list) else ()


def _is_listed(entry: Any, fields: ImageFields) -> bool:
    """Whether an entry of the section is listed as one; what other mappings and lists in it hold is not."""
    if isinstance(entry, list):
        return any(_is_reference(each, fields) for each in entry)
    return not isinstance(entry, dict) or bool(map_fields(entry, fields))


def _matching(convention: Convention, steps: Steps, value: Any) -> Iterator[ImageEntry]:
    if not isinstance(value, dict):
        return
    for key, entry in value.items():
        here = (*steps, key)
        if any(_pattern(text).fullmatch(dotted(here)) for text in convention.image_maps):
            if names := map_fields(entry, convention.image_fields):
                yield _entry(dotted(here), here, entry, Shape.MAP, names)
                continue
            if is_complete(entry):
                yield _entry(dotted(here), here, entry, Shape.TEXT)
        yield from _matching(convention, here, entry)


@functools.cache
def _pattern(text: str) -> re.Pattern[str]:
    parts = ["(?:[^.]+[.])*" if part == "**" else re.escape(part).replace(r"\*", "[^.]*") for part in text.split(".")]
    joined = "".join(part if part.endswith(")*") else f"{part}[.]" for part in parts)
    return re.compile(joined.removesuffix("[.]"))


def _entry(key: str, steps: Steps, value: Any, shape: Shape, fields: Mapping[str, str] | None = None) -> ImageEntry:
    return ImageEntry(key=key, steps=steps, value=value, shape=shape, fields=fields or {})


# -- what looks like a reference ------------------------------------------------------------------------------------


def looks_like_one(value: Any) -> bool:
    """Whether a text has a mark of a reference, a slash, a colon or an at sign, or is empty."""
    if isinstance(value, str) and value:
        return "://" not in value and any(mark in value for mark in "/:@")
    return value is None or value == ""


def is_policy(value: Any) -> bool:
    """Whether a value is a pull policy, wherever it stands."""
    return isinstance(value, str) and value in PULL_POLICIES


def is_complete(value: Any) -> bool:
    """Whether a value is a reference with a tag or a digest, perhaps one that goes through `tpl`."""
    if not isinstance(value, str) or "://" in value:
        return False
    try:
        reference = parse(_ACTION.sub("0", value))
    except InvalidReferenceError:
        return False
    return reference.tag is not None or reference.digest is not None


def _is_reference(value: Any, fields: ImageFields) -> bool:
    return bool(map_fields(value, fields)) or (isinstance(value, str) and bool(value) and looks_like_one(value))


def map_fields(value: Any, fields: ImageFields) -> Mapping[str, str]:
    """Return the name of each part that an image map has, by part; nothing for what is none."""
    if not isinstance(value, dict):
        return {}
    found: dict[str, str] = {}
    for part in ("registry", "repository", "tag", "digest", "pull_policy"):
        names = (name for name in getattr(fields, part) if name in value and _is_plain(value[name]))
        if name := next(names, None):
            found[part] = name
    repository = value.get(found.get("repository", ""))
    if "repository" not in found or (repository is not None and not isinstance(repository, str)):
        return {}
    if "/" in str(value.get(found.get("tag", "")) or "") or "://" in str(repository or ""):
        return {}
    return found if found.keys() & {"registry", "tag", "digest"} or (repository and looks_like_one(repository)) else {}


def _is_plain(value: Any) -> bool:
    return value is None or (isinstance(value, str | int | float) and not isinstance(value, bool))


def is_split(section: Mapping[str, Any]) -> bool:
    """Whether texts of a mapping are the parts of references (`image` and `tag`), and not references."""
    texts = {str(key): entry for key, entry in section.items() if _is_plain(entry)}
    parts = [key for key, entry in texts.items() if _TAG_NAME.fullmatch(key) and "/" not in str(entry or "")]
    complete = sum(is_complete(entry) for entry in texts.values())
    plain = any(entry and not looks_like_one(entry) for entry in texts.values())
    return (bool(parts) and 2 * complete <= len(texts)) or (plain and complete == 0)


# -- references in parts --------------------------------------------------------------------------------------------


def composed(value: Mapping[str, Any], fields: Mapping[str, str]) -> str:
    """Return the reference of an image map, "" if it has neither tag nor digest."""
    texts = {part: "" if value[name] is None else str(value[name]) for part, name in fields.items()}
    registry = texts.get("registry", "").rstrip("/")
    repository = texts["repository"]
    if not repository:
        return ""
    reference = f"{registry}/{repository}" if registry else repository
    if texts.get("tag"):
        reference += f":{texts['tag']}"
    if texts.get("digest"):
        reference += "@" + (texts["digest"] if ":" in texts["digest"] else f"sha256:{texts['digest']}")
    return reference if texts.get("tag") or texts.get("digest") or is_complete(repository) else ""


def in_parts(reference: str, value: Mapping[str, Any], fields: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields of an image map that make it this reference."""
    name, at_sign, digest = reference.partition("@")
    repository, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:
        repository, tag = name, ""
    if has_tag_in_repository(value, fields):
        repository = reference
    found: dict[str, Any] = {}
    if "registry" in fields:
        found[fields["registry"]], _, repository = repository.partition("/")
    found[fields["repository"]] = repository
    if "digest" in fields:
        # Where a digest has no algorithm before it, the template writes that.
        bare = (old := str(value[fields["digest"]] or "")) and ":" not in old
        found[fields["digest"]] = digest.removeprefix("sha256:") if bare else digest
    elif digest:
        tag += at_sign + digest
    if not has_tag_in_repository(value, fields):
        found[fields.get("tag", "tag")] = tag
    return found


def has_tag_in_repository(value: Mapping[str, Any], fields: Mapping[str, str]) -> bool:
    """Whether an image map has the whole reference in the field for the repository."""
    return "tag" not in fields and is_complete(value[fields["repository"]])


def written(found: Iterable[ImageEntry], references: Mapping[str, str], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values that set each entry to its reference. Lists are whole, with what `values` have in them."""
    result: dict[str, Any] = {}
    for entry in found:
        if entry.key in references and entry.shape is not Shape.OTHER:
            reference = references[entry.key]
            value = in_parts(reference, entry.value, entry.fields) if entry.shape is Shape.MAP else reference
            put(result, entry.steps, value, values)
    return result


def put(result: dict[str, Any], steps: Steps, value: Any, values: Mapping[str, Any]) -> None:
    """Set one place of `result`; a mapping is merged into what is there. `values` have the lists on the way."""
    here: Any = result
    there: Any = values
    last: Any = steps[-1]
    for step, following in itertools.pairwise(steps):
        there = there[step]
        if isinstance(here, dict) and step not in here:
            here[step] = copy.deepcopy(there) if isinstance(following, int) else {}
        here = here[step]
    old = here[last] if isinstance(here, list) else here.get(last)
    here[last] = {**old, **value} if isinstance(old, dict) and isinstance(value, dict) else value


def with_policy(found: Iterable[ImageEntry], policy: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values that set the pull policy of each image map that has one."""
    result: dict[str, Any] = {}
    for entry in found:
        if name := entry.fields.get("pull_policy"):
            put(result, entry.steps, {name: policy}, values)
    return result
