"""A chart and its renderings. The static rules check them, and live runs compare the cluster with them."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

#: The image keys of the conformance rule. Each is named after the task of its image.
STANDARD_KEYS = ("dep_check", "db_init", "db_sync", "db_drop", "ks_user", "ks_service", "ks_endpoints")

#: After the path of the drop switch in `RenderedChart.undecided`: the chart does not render as an upgrade.
AS_UPGRADE = "as an upgrade"

#: The annotation in Chart.yaml that names, separated by commas, what an uninstall keeps on purpose.
KEEPS = "osh-conformance/keeps"
#: In that annotation: the user, the vhost and the permissions of the message queue.
MESSAGE_QUEUE = "message-queue"

#: The three values that Kubernetes accepts.
PULL_POLICIES = ("Always", "IfNotPresent", "Never")
#: A policy that no chart has. Where it arrives, each of the three would arrive.
OTHER_POLICY = "OtherPolicy"


#: In `Container.arrived`, the place of the reference that an operator gave.
ARRIVED = "<reference>"
#: The registry host of made-up references, which no chart has.
MADE_UP_HOST = "sentinel.invalid"


class Role(StrEnum):
    """A container's role in its workload. The main containers of a hook are `HOOK`, its init containers `INIT`."""

    INIT = "init"
    MAIN = "main"
    HOOK = "hook"
    CRON = "cron"
    TEST = "test"
    EPHEMERAL = "ephemeral"


@dataclass(frozen=True, slots=True, kw_only=True)
class ValuesProblem:
    """A place in a values file that tools read in different ways.

    - line: where it is (from 1).
    - text: what is there.
    - key: the dotted path that it concerns, "" if it concerns none.
    """

    line: int
    text: str
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """A values file.

    - content: the parsed file.
    - lines: the line (from 1) of each dotted path.
    - problems: what tools read in different ways, empty for files that are read strictly.
    - numbers: the text in the file of each unquoted number, by its dotted path (`sidecars[0].tag` in a list).
    - repeated: the dotted paths with an anchor that an alias repeats elsewhere in the file.
    """

    content: dict[str, Any]
    lines: Mapping[str, int]
    problems: tuple[ValuesProblem, ...] = ()
    numbers: Mapping[str, str] = field(default_factory=dict)
    repeated: frozenset[str] = frozenset()


class Shape(StrEnum):
    """How an entry of the images section is written: as one text, as a map of its parts, or as neither."""

    TEXT = "text"
    MAP = "map"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenValues:
    """A file with values over those of a chart: one of `--values`, or a catalog.

    - path: relative to the working directory.
    - lines: the line (from 1) of each dotted path that it sets.
    """

    path: str
    lines: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredImage:
    """One entry of the images section.

    - key: the image key. That of a list's entry is `name[0]`. That of an entry outside of the section is its path.
    - reference: the image reference, "" if the key has no value or its parts are no complete reference.
    - path: the entry's dotted path in values.
    - line: its line (from 1) in values.yaml, None if an override sets it.
    - shape: how it is written.
    - policy_path: the dotted path of the pull policy beside a reference in parts, "" if there is none.
    """

    key: str
    reference: str
    path: str
    line: int | None = None
    shape: Shape = Shape.TEXT
    policy_path: str = ""


def plain_key(key: str) -> str:
    """Return an image key without what is easily misspelled in it: capital letters, `-` for `_`."""
    return key.lower().replace("-", "_")


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
    - key: the image key that sets the image, "" if no key does, None if the suite did not try. In a chart of no known
      convention "" means that no value does.
    - arrived: the image that renders if its key is set to a made-up reference, where that is not exactly the reference.
      `ARRIVED` stands in it for the reference. None: it arrived unchanged, or the suite did not try.
    - document: the `Document.occurrence` of its workload.
    - idle: its workload has no replicas, so it never runs.
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
    arrived: str | None = None
    document: int = 0
    idle: bool = False

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
class UnquotedNumber:
    """A number that reaches the tag of an image as another text than the file has: `tag: 1.10` runs 1.1.

    - path: the file, relative to the chart: values.yaml, Chart.yaml or a values override.
    - key, line: its dotted path in the file, and its line (from 1).
    - text: the text in the file.
    - containers: those that run it, with the image that they run.
    """

    path: str
    key: str
    line: int | None
    text: str
    containers: tuple[Container, ...]


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
    - `all-on`: every toggle that renders is on, every other switch that guards an object or a container too, and every
      image key has its own reference, which no chart uses: it shows which key sets a container's image. The pull policy
      is not the declared one. If the chart takes a pull secret and renders with it, it is set too.
    - `policy:POLICY`: the declared policy's is the chart as shipped, with the drop Job if there is one. Where the
      templates only copy the policy, there is one more, `OTHER_POLICY`: it is `all-on`. Else there are the other two
      of the three: one is `all-on`, the other is `all-on` with that policy and, if toggles exclude each other, with
      the other toggles on.
    - `apart:1` and so on: like `all-on`, with toggles that can be on only without others.
    - `off`: like `all-on`, with those switches off that render something else where they are off.
    - `drop:on`, `drop:off`: as shipped, with the drop switch set.
    - `upgrade:on`, `upgrade:off`: the same as an upgrade of a release, if a template asks whether it is one.
    - `pull-secret:1` and so on: `all-on` and `apart:*`, with a pull secret. They are missing if the convention has
      no place for one, if no template sets `imagePullSecrets`, or if one of them does not render.
    """

    name: str
    values: Mapping[str, Any]
    documents: tuple[Document, ...]
    containers: tuple[Container, ...]
    second: tuple[Document, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UnrenderedTemplate:
    """A template that no rendering of the suite made anything of.

    - template: the file, relative to the chart.
    - guard: the conditions around what it would render, such as `if .Values.api.enabled, then if .Values.api.tls`, ""
      without one.
    - line: the line (from 1) of the outermost condition, None without one.
    """

    template: str
    guard: str = ""
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ValuesOverride:
    """A values file that ships with a chart and that operators may choose: a flavor, a feature.

    - path: relative to the working directory.
    - values: its content, empty if it cannot be read. In a rendered chart only its `problems`.
    - images: the entries of its images section, with their lines.
    - without_effect: the images in it, wherever they are, that reach no manifest, and that the chart has no place for.
    - undecided: whether that is not known, as the chart does not render with the override.
    - error, error_line: why Helm cannot read it, "" if it can, and the line.
    - placeholder: what has to be replaced in it before it can be read, the first of all. Its values are read without.
    """

    path: str
    values: Values
    images: tuple[DeclaredImage, ...] = ()
    without_effect: tuple[DeclaredImage, ...] = ()
    undecided: bool = False
    error: str = ""
    error_line: int | None = None
    placeholder: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredChart:
    """A chart's promises with the values of one release. Live rules compare the cluster with them.

    - name, version: those in Chart.yaml.
    - convention: the convention's name, None if the chart follows none.
    - policy: the declared pull policy, None if there is none.
    - images: the reference of each image key, after all overrides.
    - functions: the standard key whose task each image key performs, or "".
    - containers: the containers of the chart and of its dependencies, with their keys.
    - keeps: what an uninstall with the drop Job keeps on purpose, as the annotation `KEEPS` names it.
    """

    name: str
    version: str
    convention: str | None
    policy: str | None
    images: Mapping[str, str]
    functions: Mapping[str, str]
    containers: tuple[Container, ...]
    keeps: tuple[str, ...] = ()

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
    - folder: the chart's directory relative to the working directory: "" or ending in a slash.
    - convention: the convention's name, None if the chart follows no known one.
    - containers: the containers of the rendering `shipped`.
    - images: the entries of the images section, empty without a convention.
    - images_path: the dotted path of the images section, "" without a convention.
    - images_error: in a chart without a known convention, why the suite cannot say whether a value changes each image.
    - policy: the declared pull policy as it is in values, which may be invalid.
    - policy_path, policy_line: the dotted path of the declared policy, and its line, None if there is none.
    - by_policy: the containers of each rendering `policy:*` (see `Rendering`), by policy: one of the three, or
      `OTHER_POLICY`.
    - renderings: by name (see `Rendering`). A chart without a known convention has `shipped`, and with its own values
      and other switches `all-on`, `apart:*` and `off`. `drop:*` exist if
      the chart has the drop switch and renders with it.
    - undecided: the toggles that cannot be switched on, each with the reason. The rules do not know their manifests.
    - values: the chart's values.yaml.
    - effective: the content of `values` with the user's values over it.
    - functions: the standard key whose task each image key performs, or "".
    - drop_path, drop_line: the dotted path of the drop switch, and its line, None if values.yaml has no switch.
    - pull_secret_path: the dotted path of the values that name the pull secret, "" without a place for one.
    - pull_secret_error: why the chart does not render with a pull secret, "" if it does.
    - overrides: the values files that ship with the chart.
    - unused: the keys of the images section that no rendering uses and no template can look up.
    - numbers: the unquoted numbers whose text changes on the way to the tag of an image.
    - templates: the source of each template, by its file relative to the chart. Those of dependencies are below
      `charts/`.
    - elsewhere: the folders below `charts/` that the tree has in another place: that place, relative to the chart.
    - given: the files whose values are over the chart's own; a later one overrides an earlier one.
    - notices: sentences about how the chart was rendered: dependencies from the same tree, values of `ci/`.
    - never_rendered: the templates of the chart that rendered nothing in any rendering.
    - stuck_toggles: the toggles without which the chart does not render, each with the error.
    """

    name: str
    version: str
    folder: str
    convention: str | None
    containers: tuple[Container, ...]
    images: tuple[DeclaredImage, ...] = ()
    images_path: str = ""
    images_error: str = ""
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
    unused: tuple[str, ...] = ()
    numbers: tuple[UnquotedNumber, ...] = ()
    templates: Mapping[str, str] = field(default_factory=dict)
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    given: tuple[GivenValues, ...] = ()
    notices: tuple[str, ...] = ()
    never_rendered: tuple[UnrenderedTemplate, ...] = ()
    stuck_toggles: tuple[tuple[str, str], ...] = ()

    @property
    def values_file(self) -> str:
        """The chart's values.yaml, relative to the working directory."""
        return f"{self.folder}values.yaml"

    def set_by(self, path: str) -> tuple[str, int] | None:
        """Return the file and line of the value at a dotted path if a file over values.yaml sets it, else None."""
        for file in reversed(self.given):
            if path in file.lines:
                return file.path, file.lines[path]
        return None

    def place_of(self, file: str) -> str:
        """Return a file of `templates`, relative to the working directory: where the tree has it."""
        copies = [copy for copy in self.elsewhere if file.startswith(f"{copy}/")]
        if not copies:
            return self.folder + file
        copy = max(copies, key=len)
        return posixpath.normpath(f"{self.folder}{self.elsewhere[copy]}/{file.removeprefix(copy)}")

    @property
    def every_container(self) -> tuple[Container, ...]:
        """The containers of all renderings, each once: as shipped if `shipped` has it.

        One whose image comes from its key in some renderings, and in others does not, is there twice.
        """
        found = {container.position: container for container in self.containers}
        more = [container for containers in self.by_policy.values() for container in containers]
        for name, rendering in self.renderings.items():
            if name in ("all-on", "off") or name.startswith("apart:"):
                more += rendering.containers
        outside: dict[tuple[str, int, str, str], Container] = {}
        for container in more:
            known = found.setdefault(container.position, container)
            if container.key == "" and known.key:  # a switch decides whether the key sets the image
                outside.setdefault(container.position, container)
        return (*found.values(), *outside.values())
