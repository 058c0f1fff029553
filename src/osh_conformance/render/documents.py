"""YAML as Helm's users write it: values with the line of each key, and manifests."""

from __future__ import annotations

from typing import Any

import yaml

from osh_conformance.errors import SuiteError
from osh_conformance.model.chart import Values

try:
    from yaml import CSafeLoader as _BaseLoader
except ImportError:  # PyYAML without libyaml
    from yaml import SafeLoader as _BaseLoader  # type: ignore[assignment]


class _Loader(_BaseLoader):
    """Reads what Kubernetes reads: no dates, and a lone `=` is a text."""


_NOT_IN_KUBERNETES = ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:value")
_Loader.yaml_implicit_resolvers = {
    start: [(tag, pattern) for tag, pattern in resolvers if tag not in _NOT_IN_KUBERNETES]
    for start, resolvers in _BaseLoader.yaml_implicit_resolvers.items()
}


def read_values(text: str, where: str) -> Values:
    """Parse a values file; raises `SuiteError` that names `where` if it is no mapping or says a key twice."""
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        content = loader.construct_document(node) if node is not None else {}
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _unreadable(where, error) from error
    finally:
        loader.dispose()
    if content is None:
        content = {}
    if not isinstance(content, dict):
        raise SuiteError(f"{where}: not a mapping of values", expected="`key: value` lines")
    lines: dict[str, int] = {}
    if node is not None:
        _index(node, "", lines, where)
    return Values(content=content, lines=lines)


def read_manifests(text: str, where: str) -> list[Any]:
    """Parse every document that is not empty; raises `SuiteError` that names `where`."""
    try:
        return [document for document in yaml.load_all(text, Loader=_Loader) if document is not None]
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _unreadable(where, error, "a template that renders valid YAML") from error


def _unreadable(where: str, error: Exception, expected: str = "valid YAML") -> SuiteError:
    mark = getattr(error, "problem_mark", None)
    line = f":{mark.line + 1}" if mark else ""
    problem = getattr(error, "problem", None) or str(error)
    return SuiteError(f"{where}{line}: does not parse: {problem}", expected=expected)


def _index(node: yaml.Node, prefix: str, lines: dict[str, int], where: str) -> None:
    if not isinstance(node, yaml.MappingNode):
        return
    seen: set[str] = set()
    for key, value in node.value:
        name = str(key.value)
        line = key.start_mark.line + 1
        if name in seen and name != "<<":
            raise SuiteError(
                f"{where}:{line}: the key {prefix}{name} is there twice, first in line {lines[prefix + name]}",
                expected="each key once: of two, tools take different ones",
            )
        seen.add(name)
        lines[prefix + name] = line
        # An alias repeats a node that has its own lines; following it again could take for ever.
        if value.start_mark.index >= key.start_mark.index:
            _index(value, f"{prefix}{name}.", lines, where)
