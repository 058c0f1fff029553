"""Encodes a rendered chart as bytes, for other processes and for the cache."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import msgspec

from osh_conformance.model.chart import (
    Container,
    DeclaredImage,
    Document,
    GivenValues,
    RenderedChart,
    Rendering,
    UnquotedNumber,
    UnrenderedTemplate,
    Values,
    ValuesOverride,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_PLAIN = (
    "name",
    "version",
    "convention",
    "images_path",
    "images_error",
    "policy",
    "policy_path",
    "policy_line",
    "undecided",
    "notices",
)
_MORE = (
    "functions",
    "drop_path",
    "drop_line",
    "effective",
    "templates",
    "values",
    "images",
    "overrides",
    "unused",
    "numbers",
    "given",
)
_PULL_SECRET = ("pull_secret_path", "pull_secret_error", "images_error", "numbers")
_UNSEEN = ("never_rendered", "stuck_toggles")
_FIELDS = (*_PLAIN, *_MORE, *_PULL_SECRET, *_UNSEEN)
_LARGEST = 2**63
_HUGE = 10**300


def encode(chart: RenderedChart) -> bytes:
    """Encode a chart, without its `folder`. Objects that renderings share are encoded once."""
    contents: dict[int, int] = {}
    objects: list[Any] = []

    def place(content: Mapping[str, Any]) -> int:
        if id(content) not in contents:
            contents[id(content)] = len(objects)
            objects.append(content)
        return contents[id(content)]

    def documents(found: tuple[Document, ...]) -> list[Any]:
        return [(each.template, each.occurrence, place(each.content)) for each in found]

    distinct: dict[int, int] = {}
    renderings: list[Any] = []
    names = {}
    for name, rendering in chart.renderings.items():
        if id(rendering) not in distinct:
            distinct[id(rendering)] = len(renderings)
            parts = (documents(rendering.documents), rendering.containers, documents(rendering.second))
            renderings.append((rendering.name, rendering.values, *parts))
        names[name] = distinct[id(rendering)]
    packed = {
        **{name: getattr(chart, name) for name in _FIELDS},
        "containers": chart.containers,
        "by_policy": chart.by_policy,
        "renderings": renderings,
        "names": names,
        "objects": objects,
    }
    try:
        data = msgspec.msgpack.encode(packed)
    except OverflowError:  # an integer that no 64 bits hold
        data = msgspec.msgpack.encode(_smaller(msgspec.to_builtins(packed)))
    return zlib.compress(data, 1)


def _smaller(value: Any) -> Any:
    """Return `value` with integers beyond 64 bits as floats, as Kubernetes reads them too."""
    if isinstance(value, dict):
        return {_smaller(key): _smaller(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_smaller(entry) for entry in value]
    if isinstance(value, int) and not -_LARGEST <= value < _LARGEST:
        return float(value) if abs(value) < _HUGE else str(value)
    return value


def decode(data: bytes) -> RenderedChart:
    """Decode the result of `encode`; raises `ValueError` for anything else."""
    try:
        found = msgspec.msgpack.decode(zlib.decompress(data))
        objects = found.pop("objects")
        names = found.pop("names")
        renderings = [_rendering(entry, objects) for entry in found.pop("renderings")]
        typed: dict[str, Any] = {
            "images": msgspec.convert(found.pop("images"), tuple[DeclaredImage, ...]),
            "containers": msgspec.convert(found.pop("containers"), tuple[Container, ...]),
            "overrides": msgspec.convert(found.pop("overrides"), tuple[ValuesOverride, ...]),
            "by_policy": msgspec.convert(found.pop("by_policy"), dict[str, tuple[Container, ...]]),
            "values": msgspec.convert(found.pop("values"), Values),
            "unused": tuple(found.pop("unused")),
            "numbers": msgspec.convert(found.pop("numbers"), tuple[UnquotedNumber, ...]),
            "given": msgspec.convert(found.pop("given"), tuple[GivenValues, ...]),
            "notices": tuple(found.pop("notices")),
            "never_rendered": msgspec.convert(found.pop("never_rendered"), tuple[UnrenderedTemplate, ...]),
            "stuck_toggles": msgspec.convert(found.pop("stuck_toggles"), tuple[tuple[str, str], ...]),
            "undecided": msgspec.convert(found.pop("undecided"), tuple[tuple[str, str], ...]),
        }
        places = {name: renderings[index] for name, index in names.items()}
        return RenderedChart(**found, **typed, folder="", renderings=places)
    except (zlib.error, msgspec.MsgspecError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise ValueError(f"no rendered chart: {error}") from error


def _rendering(entry: Any, objects: list[Any]) -> Rendering:
    name, values, documents, containers, second = entry
    return Rendering(
        name=name,
        values=values,
        documents=tuple(_document(each, objects) for each in documents),
        containers=msgspec.convert(containers, tuple[Container, ...]),
        second=tuple(_document(each, objects) for each in second),
    )


def _document(entry: Any, objects: list[Any]) -> Document:
    template, occurrence, index = entry
    return Document(template=template, occurrence=occurrence, content=objects[index])
