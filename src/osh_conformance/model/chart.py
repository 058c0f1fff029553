"""A chart as it renders: what the static rules judge, and what live runs compare the cluster with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

#: The image keys that the rule names, by the function that each image performs.
STANDARD_KEYS = ("dep_check", "db_init", "db_sync", "db_drop", "ks_user", "ks_service", "ks_endpoints")

#: The three values that Kubernetes accepts.
PULL_POLICIES = ("Always", "IfNotPresent", "Never")


class Role(StrEnum):
    """What a container is in its workload. A hook's containers are `HOOK`, its init containers `INIT`."""

    INIT = "init"
    MAIN = "main"
    HOOK = "hook"
    CRON = "cron"
    TEST = "test"
    EPHEMERAL = "ephemeral"


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """A values file: its content, and the line (from 1) of each dotted path."""

    content: dict[str, Any]
    lines: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredImage:
    """One entry of the images section. `path` is its dotted path in values, `line` counts from 1 in values.yaml.

    `reference` is empty where the section holds a key without one; `line` is None where an override sets it.
    """

    key: str
    reference: str
    path: str
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """One container of a rendered workload. `image` and `pull_policy` are None where the manifest has none.

    `template` is the file that rendered it, relative to the chart; `occurrence` tells containers of one name and kind
    apart there (from 0).
    `document` is the `occurrence` of the `Document` of that template that holds it.
    `hook` holds the events of `helm.sh/hook`, empty for a normal workload. `key` is the image key that decides the
    image: empty if no override of a key reaches it, None if nobody has tried.
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
        """`Kind/name container`, as messages say it."""
        return f"{self.workload} {self.name}"

    @property
    def position(self) -> tuple[str, int, str, str]:
        """Where it is in any rendering of its chart: a workload's name may hold a hash of the values, this not."""
        return (self.template, self.occurrence, self.kind, self.name)

    @property
    def own(self) -> bool:
        """Whether a template of the chart itself renders it, not one of a chart that it depends on."""
        return not self.template.startswith("charts/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One Kubernetes object that a template renders, items of a List one by one.

    `template` is the file, relative to the chart; `occurrence` counts the objects of one template in one rendering
    (from 0). `content` is the object, parsed as Kubernetes would. Renderings share it where they agree: do not change
    it.
    """

    template: str
    occurrence: int
    content: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """Its kind, "" where it has none."""
        return str(self.content.get("kind") or "")

    @property
    def metadata(self) -> Mapping[str, Any]:
        """Its metadata, empty where it has none that is a mapping."""
        found = self.content.get("metadata")
        return found if isinstance(found, dict) else {}

    @property
    def name(self) -> str:
        """The object's name, "" where it has none."""
        return str(self.metadata.get("name") or "")

    @property
    def own(self) -> bool:
        """Whether a template of the chart itself renders it, not one of a chart that it depends on."""
        return not self.template.startswith("charts/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering:
    """What a chart renders with certain values.

    `name` is one of:
    - `shipped`: as it comes, with what the user set.
    - `all-on`: every toggle on that renders, every image key set to a reference of its own (containers have their keys
      here, and images that stand in no chart), a pull policy that is not the declared one.
    - `policy:Always`, `policy:IfNotPresent`, `policy:Never`: one of them is `all-on`, one the same with a third policy,
      and where toggles exclude each other with the others of them on; that of the declared policy is the chart as
      shipped, with the drop Job where there is one. The third is missing where it could show nothing new: the templates
      only write the policy down, and each container had the second.
    - `apart:1` and so on: as `all-on`, with toggles that are on only without others.
    - `drop:on`, `drop:off`: as shipped, with the drop switch set.
    One rendering may stand under several names. `values` are what was set over the chart's own. `documents` are those
    of the chart and of what it depends on, `containers` those of the chart alone. `second` are the documents of the
    same rendering made again, only in `drop:on`, and only where the names in it could be random: where it is empty, the
    names were the same with other values already.
    """

    name: str
    values: Mapping[str, Any]
    documents: tuple[Document, ...]
    containers: tuple[Container, ...]
    second: tuple[Document, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ValuesOverride:
    """A values file that ships beside a chart for operators to choose: a flavor, a feature.

    `path` is relative to the PATH argument. `images` are the entries of its images section, with their lines.
    `error` says why it could not be read; then it has no content.
    """

    path: str
    values: Values
    images: tuple[DeclaredImage, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredChart:
    """What a chart promises with the values of one release; live runs hold the cluster to it.

    `images` maps each image key to its reference and `functions` to the standard key whose work it does (or ""), both
    after all overrides. `policy` is the declared pull policy, None where there is none. `containers` are those of the
    chart and of what it depends on, with their keys.
    """

    name: str
    version: str
    convention: str | None
    policy: str | None
    images: Mapping[str, str]
    functions: Mapping[str, str]
    containers: tuple[Container, ...]

    def containers_of(self, function: str) -> tuple[Container, ...]:
        """The containers whose image key performs a standard function."""
        return tuple(c for c in self.containers if c.key and self.functions.get(c.key) == function)


def nothing_declared(name: str) -> DeclaredChart:
    """A chart of which nothing was rendered."""
    return DeclaredChart(name=name, version="", convention=None, policy=None, images={}, functions={}, containers=())


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedChart:
    """A chart and its renderings, as static rules see it. Files are relative to the PATH argument.

    `values_file` is the chart's values.yaml and `folder` the chart's own place ("" or ending in a slash).
    `convention` is None where the chart follows none that is known: then `images` is empty and `images_path` too.
    `containers` are those that render as shipped; `policy` is what the chart declares, unchecked. `by_policy` are
    the containers with the policy set to each of the three values: as shipped and with the drop Job for the declared
    one, with every toggle on for the others. Without a declared policy there is one of the three.

    `renderings` are by name (see `Rendering`); a chart of no known convention has `shipped` alone, `drop:*` are there
    where the chart has the switch and it renders. `undecided` are the toggles that cannot be switched on, each with
    the reason: nothing is known of what they would render. `values` is the chart's values.yaml, `effective` the same
    with what the user set over it. `functions` maps each image key to the standard key whose work it does (or "").
    `drop_path` is where the drop switch is looked for, `drop_line` its line if it is there. `templates` holds the
    source of each template by its file relative to the chart, those of dependencies too (`charts/...`).
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
    overrides: tuple[ValuesOverride, ...] = ()
    templates: Mapping[str, str] = field(default_factory=dict)

    @property
    def values_file(self) -> str:
        """The file that declares images and policy."""
        return f"{self.folder}values.yaml"

    @property
    def every_container(self) -> tuple[Container, ...]:
        """The containers of all renderings, each once, as shipped if it is there then."""
        found = {container.position: container for container in self.containers}
        for containers in self.by_policy.values():
            for container in containers:
                found.setdefault(container.position, container)
        return tuple(found.values())
