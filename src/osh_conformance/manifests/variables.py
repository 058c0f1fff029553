"""The variables of a container, and the objects that their values come from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from osh_conformance.manifests.pods import dicts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from osh_conformance.manifests.pods import Objects

#: A variable in the value of another; `$$(NAME)` is text.
_REFERENCE: Final = re.compile(r"(?<!\$)\$\(([A-Za-z_][\w.-]*)\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The key of an object that a value comes from. `kind` is ConfigMap, Secret or ServiceAccount."""

    kind: str
    name: str
    key: str
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A variable of a container: `value` is None if the rendering does not show it."""

    value: str | None
    source: Source | None = None


def sources(entry: Mapping[str, Any]) -> Iterator[Source]:
    """Yield the keys of objects that a container's variables refer to. `key` is empty for all keys of an object."""
    for variable in dicts(entry.get("env")):
        if found := _source(variable):
            yield found
    for taken in dicts(entry.get("envFrom")):
        for field, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
            reference = taken.get(field)
            if isinstance(reference, dict) and reference.get("name"):
                yield Source(kind=kind, name=str(reference["name"]), key="", optional=reference.get("optional") is True)


def variables(entry: Mapping[str, Any], objects: Objects) -> dict[str, Variable]:
    """Return the variables of a container, by name; the last one of a name wins, as in Kubernetes."""
    found: dict[str, Variable] = {}
    for taken in dicts(entry.get("envFrom")):
        for field, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
            reference = taken.get(field)
            if isinstance(reference, dict):
                name = str(reference.get("name"))
                for key, value in (objects.data(kind, name) or {}).items():
                    full = f"{taken.get('prefix') or ''}{key}"
                    found[full] = Variable(value=value, source=Source(kind=kind, name=name, key=key))
    for variable in dicts(entry.get("env")):
        source = _source(variable)
        value = variable.get("value")
        if source is not None:
            value = (objects.data(source.kind, source.name) or {}).get(source.key)
        elif variable.get("valueFrom"):
            value = None
        else:
            value = _expanded("" if value is None else str(value), found)
        found[str(variable.get("name"))] = Variable(value=None if value is None else str(value), source=source)
    return found


def _expanded(text: str, known: Mapping[str, Variable]) -> str:
    """Return a value with each `$(NAME)` replaced as Kubernetes does it, if the rendering shows what it stands for."""
    values = {name: variable.value for name, variable in known.items() if variable.value is not None}
    return _REFERENCE.sub(lambda match: values.get(match[1], match[0]), text)


def _source(variable: Mapping[str, Any]) -> Source | None:
    origin = variable.get("valueFrom")
    for field, kind in (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")):
        reference = origin.get(field) if isinstance(origin, dict) else None
        if isinstance(reference, dict) and reference.get("name"):
            return Source(
                kind=kind,
                name=str(reference["name"]),
                key=str(reference.get("key") or ""),
                optional=reference.get("optional") is True,
            )
    return None
