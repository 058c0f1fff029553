"""A chart and its renderings. The static rules check them, and live runs compare the cluster with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

#: The image keys of the conformance rule. Each is named after the task of its image.
STANDARD_KEYS = ("dep_check", "db_init", "db_sync", "db_drop", "ks_user", "ks_service", "ks_endpoints")

#: The three values that Kubernetes accepts.
PULL_POLICIES = ("Always", "IfNotPresent", "Never")


class Role(StrEnum):
    """A container's role in its workload. The main containers of a hook are `HOOK`, its init containers `INIT`."""

    INIT = "init"
    MAIN = "main"
    HOOK = "hook"
    CRON = "cron"
    TEST = "test"
    EPHEMERAL = "ephemeral"


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """A values file.

    - content: the parsed file.
    - lines: the line (from 1) of each dotted path.
    """

    content: dict[str, Any]
    lines: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredImage:
    """One entry of the images section.

    - key: the image key.
    - reference: the image reference, "" if the key has no value.
    - path: the entry's dotted path in values.
    - line: its line (from 1) in values.yaml, None if an override sets it.
    """

    key: str
    reference: str
    path: str
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """One container of a rendered workload.

    - kind, workload_name: those of the workload.
    - name: the container's name.
    - role: its role in the workload.
    - image, pull_policy: None if the manifest has none.
    - template: the file that rendered it, relative to the chart.
    - occurrence: its number (from 0) among the containers of the same kind and name from that template.
    - hook: the events in `helm.sh/hook`, empty for a normal workload.
    - key: the image key that sets the image, "" if no key does, None if the suite did not try.
    - document: the `Document.occurrence` of its workload.
    """

    kind: str
    workload_name: str
    name: str
    role: Role
    image: str | None
    pull_policy: str | None
    template: str
    occurrence: int = 0
    hook: tuple[str, ...] = ()
    key: str | None = None
    document: int = 0

    @property
    def workload(self) -> str:
        """`Kind/name`."""
        return f"{self.kind}/{self.workload_name}"

    @property
    def label(self) -> str:
        """`Kind/name container`, for messages."""
        return f"{self.workload} {self.name}"

    @property
    def position(self) -> tuple[str, int, str, str]:
        """Its identity in all renderings of the chart. The workload's name is not in it: it may end in a hash."""
        return (self.template, self.occurrence, self.kind, self.name)

    @property
    def own(self) -> bool:
        """Whether the chart's own template renders it, not a dependency's."""
        return not self.template.startswith("charts/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One Kubernetes object that a template renders. Each item of a List is a document.

    - template: the file, relative to the chart.
    - occurrence: its number (from 0) among the objects of that template in one rendering.
    - content: the object, parsed as Kubernetes parses it. Renderings share equal objects, so do not modify it.
    """

    template: str
    occurrence: int
    content: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """The object's kind, "" if it has none."""
        return str(self.content.get("kind") or "")

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The object's metadata, empty if it is missing or no mapping."""
        found = self.content.get("metadata")
        return found if isinstance(found, dict) else {}

    @property
    def name(self) -> str:
        """The object's name, "" if it has none."""
        return str(self.metadata.get("name") or "")

    @property
    def own(self) -> bool:
        """Whether the chart's own template renders it, not a dependency's."""
        return not self.template.startswith("charts/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering:
    """A chart rendered with certain values.

    - name: see below.
    - values: the values over the chart's own.
    - documents: the objects of the chart and of its dependencies.
    - containers: the containers of the chart alone.
    - second: the documents of a second rendering with the same values. Only `drop:on` has it, and only if names could
      be random. It is empty if the names were the same in a rendering with other values.

    The names of renderings (one rendering may have several names):

    - `shipped`: the chart's own values and the user's.
    - `all-on`: every toggle that renders is on, and every image key has its own reference, which no chart uses: it
      shows which key sets a container's image. The pull policy is not the declared one.
    - `policy:Always`, `policy:IfNotPresent`, `policy:Never`: the declared policy's is the chart as shipped, with the
      drop Job if there is one. The second is `all-on`. The third is `all-on` with the remaining policy and, if toggles
      exclude each other, with the other toggles on. It is missing if the templates only copy the policy and the second
      rendering has every container: it could show nothing new.
    - `apart:1` and so on: like `all-on`, with toggles that can be on only without others.
    - `drop:on`, `drop:off`: as shipped, with the drop switch set.
    - `pull-secret:1` and so on: like `all-on` and `apart:*`, with a pull secret. They are missing if the convention has
      no place for one, if no template sets `imagePullSecrets`, or if one of them does not render.
    """

    name: str
    values: Mapping[str, Any]
    documents: tuple[Document, ...]
    containers: tuple[Container, ...]
    second: tuple[Document, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ValuesOverride:
    """A values file that ships with a chart and that operators may choose: a flavor, a feature.

    - path: relative to the PATH argument.
    - values: its content, empty if it cannot be read.
    - images: the entries of its images section, with their lines.
    - error: why it cannot be read, "" if it can.
    """

    path: str
    values: Values
    images: tuple[DeclaredImage, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredChart:
    """A chart's promises with the values of one release. Live rules compare the cluster with them.

    - name, version: those in Chart.yaml.
    - convention: the convention's name, None if the chart follows none.
    - policy: the declared pull policy, None if there is none.
    - images: the reference of each image key, after all overrides.
    - functions: the standard key whose task each image key performs, or "".
    - containers: the containers of the chart and of its dependencies, with their keys.
    """

    name: str
    version: str
    convention: str | None
    policy: str | None
    images: Mapping[str, str]
    functions: Mapping[str, str]
    containers: tuple[Container, ...]

    def containers_of(self, function: str) -> tuple[Container, ...]:
        """Return the containers whose image key performs the task of the standard key `function`."""
        return tuple(c for c in self.containers if c.key and self.functions.get(c.key) == function)


def nothing_declared(name: str) -> DeclaredChart:
    """Return the record of a chart that was not rendered."""
    return DeclaredChart(name=name, version="", convention=None, policy=None, images={}, functions={}, containers=())


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedChart:
    """A chart and its renderings, for the static rules. All lines count from 1 in the chart's values.yaml.

    - name, version: those in Chart.yaml.
    - folder: the chart's directory relative to the PATH argument: "" or ending in a slash.
    - convention: the convention's name, None if the chart follows no known one.
    - containers: the containers of the rendering `shipped`.
    - images: the entries of the images section, empty without a convention.
    - images_path: the dotted path of the images section, "" without a convention.
    - policy: the declared pull policy as it is in values, which may be invalid.
    - policy_path, policy_line: the dotted path of the declared policy, and its line, None if there is none.
    - by_policy: the containers of each rendering `policy:*` (see `Rendering`), by policy. A chart without a declared
      policy has one of the three.
    - renderings: by name (see `Rendering`). A chart without a known convention has only `shipped`. `drop:*` exist if
      the chart has the drop switch and renders with it.
    - undecided: the toggles that cannot be switched on, each with the reason. The rules do not know their manifests.
    - values: the chart's values.yaml.
    - effective: the content of `values` with the user's values over it.
    - functions: the standard key whose task each image key performs, or "".
    - drop_path, drop_line: the dotted path of the drop switch, and its line, None if values.yaml has no switch.
    - pull_secret_path: the dotted path of the values that name the pull secret, "" without a place for one.
    - pull_secret_error: why the chart does not render with a pull secret, "" if it does.
    - overrides: the values files that ship with the chart.
    - templates: the source of each template, by its file relative to the chart. Those of dependencies are below
      `charts/`.
    """

    name: str
    version: str
    folder: str
    convention: str | None
    containers: tuple[Container, ...]
    images: tuple[DeclaredImage, ...] = ()
    images_path: str = ""
    policy: Any = None
    policy_path: str = ""
    policy_line: int | None = None
    by_policy: Mapping[str, tuple[Container, ...]] = field(default_factory=dict)
    renderings: Mapping[str, Rendering] = field(default_factory=dict)
    undecided: tuple[tuple[str, str], ...] = ()
    values: Values = field(default_factory=lambda: Values(content={}, lines={}))
    effective: Mapping[str, Any] = field(default_factory=dict)
    functions: Mapping[str, str] = field(default_factory=dict)
    drop_path: str = ""
    drop_line: int | None = None
    pull_secret_path: str = ""
    pull_secret_error: str = ""
    overrides: tuple[ValuesOverride, ...] = ()
    templates: Mapping[str, str] = field(default_factory=dict)

    @property
    def values_file(self) -> str:
        """The chart's values.yaml, relative to the PATH argument."""
        return f"{self.folder}values.yaml"

    @property
    def every_container(self) -> tuple[Container, ...]:
        """The containers of all renderings, each once: as shipped if `shipped` has it."""
        found = {container.position: container for container in self.containers}
        for containers in self.by_policy.values():
            for container in containers:
                found.setdefault(container.position, container)
        return tuple(found.values())
