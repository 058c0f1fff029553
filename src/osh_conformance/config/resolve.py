"""Merges the command line or pytest's options with the configuration file, into the options of an engine."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from osh_conformance.charts.values import merged
from osh_conformance.config import configuration, path_patterns, pull_secret
from osh_conformance.config.engine_options import CheckOptions, LiveOptions
from osh_conformance.config.levels import Levels
from osh_conformance.config.options import CHECK, LIVE, OPTIONS, Kind, options_of
from osh_conformance.config.selection import check_static, ids_of, without
from osh_conformance.config.static_rules import static_rules
from osh_conformance.errors import SuiteError, UsageError
from osh_conformance.here import from_here
from osh_conformance.loading import definitions, records
from osh_conformance.loading.files import read_text
from osh_conformance.loading.search import DataPath, data_path
from osh_conformance.loading.yaml import read_values
from osh_conformance.model.chart import GivenValues
from osh_conformance.model.matrix import Flavor

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from osh_conformance.config.options import Option
    from osh_conformance.config.pull_secret import PullSecret

_EXTEND = next(option for option in OPTIONS if option.name == "extend-select")
_REPEATABLE = (Kind.NAMES, Kind.FILES, Kind.PATTERNS)
_PULL_SECRET = "image-pull-secret"  # noqa: S105 - the name of an option
_OUTPUT_FORMAT = "output-format"
_ADDRESS = re.compile(r"https?://[\w.~:/?#@!$&*+,;=%{}-]+", re.ASCII)


def check_options(given: Mapping[str, Any]) -> CheckOptions:
    """Return the options of a static run.

    `given` has values by `Option.dest`; None and empty where the user gave none. Raises `UsageError` for a value that
    is wrong, and for a file that cannot be read.
    """
    config = _config(given)
    fields = _fields(CHECK, given, config)
    check_static(fields["select"], partial(_named_by, "select", given, config), shared=not given.get("select"))
    check_static(given.get("extend_select") or (), lambda: "--extend-select")
    flavor = _flavor(given, config, fields["data"])
    return CheckOptions(**{**fields, "flavor": flavor, "cache": not given.get("no_cache")})


def live_options(given: Mapping[str, Any]) -> LiveOptions:
    """Return the options of a live run or of its plan; `given` and errors as for `check_options`."""
    config = _config(given)
    fields = _fields(LIVE, given, config)
    if fields["keep"]:
        from osh_conformance.provision import runs  # noqa: PLC0415  (a cached `check` imports this module)

        runs.check_name(fields["keep"])
    return LiveOptions(
        **{
            **fields,
            "helm_majors": _majors(fields["helm_majors"]),
            "image_pull_secret": _pull_secret(fields["image_pull_secret"], given, config),
        }
    )


def configured_output_format(given: Mapping[str, Any]) -> tuple[str | None, str]:
    """Return the format of standard output that the configuration file chooses, None without one, and its place."""
    config = _config(given)
    name = configuration.read(config).get(_OUTPUT_FORMAT) if config else None
    return name, configuration.place(config, _OUTPUT_FORMAT) if config and name is not None else ""


def static_half(options: LiveOptions, given: Mapping[str, Any]) -> CheckOptions:
    """Return the options with which a live run checks the static rules on the same charts."""
    shared = [option for option in options_of(LIVE) if CHECK in option.verbs]
    return CheckOptions(
        paths=options.paths,
        select=static_rules(options),
        ignore=options.ignore,
        levels=options.levels,
        values=options.values,
        given=options.given,
        convention=options.convention,
        catalog=options.catalog,
        renderer=options.renderer,
        helm_program=options.helm_program,
        deviations=options.deviations,
        strict=options.strict,
        repeated=_repeated(
            shared, _to_repeat(given, _config(given), {"catalog": options.catalog}), strict=options.strict
        ),
        data=options.data,
        rule_pages=options.rule_pages,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfiguredOutput:
    """A file that the configuration file lets a run write; `place` names its key in messages."""

    file: Path
    place: str


def outputs(given: Mapping[str, Any]) -> Mapping[str, ConfiguredOutput]:
    """Return the outputs of the configuration file by their names; `given` and errors as for `check_options`."""
    config = _config(given)
    if config is None:
        return {}
    return {
        name: ConfiguredOutput(
            file=file, place=f"{configuration.place(config, name)}: `{configuration.OUTPUTS}.{name}`"
        )
        for name, file in configuration.read(config).get(configuration.OUTPUTS, {}).items()
    }


def _read_values(files: Iterable[Path]) -> tuple[dict[str, Any], tuple[GivenValues, ...]]:
    """Merge values files from left to right, with the lines of each; raises `UsageError` for an unreadable one."""
    layers, given = [], []
    for file in files:
        try:
            values = read_values(read_text(file), str(file))
        except SuiteError as error:
            raise UsageError(error.message, expected=error.expected) from error
        layers.append(values.content)
        given.append(GivenValues(path=from_here(file), lines=values.lines))
    return merged(*layers), tuple(given)


def _config(given: Mapping[str, Any]) -> Path | None:
    """Return the configuration file of the run, None without one: without a PATH, the one nearest to the catalog."""
    first = next(iter(given["paths"] or ()), None) or given.get("catalog") or Path()
    return given.get("config") or configuration.nearest(first)


def _named_by(name: str, given: Mapping[str, Any], config: Path | None) -> str:
    """Return what gives the value of an option, for messages: `--name`, or the key and its place in the file."""
    return f"--{name}" if given.get(name) or not config else f"{configuration.place(config, name)}: `{name}`"


def _fields(verb: str, given: Mapping[str, Any], config: Path | None) -> dict[str, Any]:
    """Return the fields of a verb's record: the user's values, else those of the file, else the defaults."""
    file = configuration.read(config) if config else {}
    fields: dict[str, Any] = {}
    for option in options_of(verb):
        if not option.target:
            continue
        value = _given(option, given)
        if value is None:
            value = file.get(option.name)
        if value is None:
            value = option.default if option.default is not None else _nothing(option)
        if option.kind is Kind.NAMES and value and not "".join(value).strip(", "):
            raise UsageError(
                f"{_named_by(option.name, given, config)} '{','.join(value)}': no name", expected=option.metavar or ""
            )
        fields[option.target] = value
    fields["values"], fields["given"] = _read_values(fields["values"])
    fields["data"] = data_path(
        given.get("data") or file.get("data") or (), config, named_by=partial(_named_by, "data", given, config)
    )
    fields["strict"] = bool(fields["strict"])
    _check_address(fields["rule_pages"], given, config)
    fields["renderer"] = _renderer(fields["renderer"], given, config)
    _apply_rules(fields, given, file)
    repeated = _repeated(options_of(verb), _to_repeat(given, config, fields), strict=fields["strict"])
    return {**fields, "repeated": repeated}


def _check_address(address: str, given: Mapping[str, Any], config: Path | None) -> None:
    """Raise `UsageError` unless the address of the rule pages can stand in a link of every output."""
    if address and not _ADDRESS.fullmatch(address):
        named_by = (
            "--rule-pages" if given.get("rule_pages") or not config else configuration.place(config, "rule-pages")
        )
        raise UsageError(
            f"{named_by}: `{address}` is no address", expected="https://HOST/FOLDER, without spaces or `()`"
        )


def _renderer(name: str | None, given: Mapping[str, Any], config: Path | None) -> str | None:
    """Return the renderer: who names a program with --helm-program wants it to render."""
    if not given.get("helm_program"):
        return name
    if name == "sdk":
        raise UsageError(
            f"{_named_by('renderer', given, config)} sdk: it does not run --helm-program {given['helm_program']}",
            expected="--renderer helm, or no --helm-program",
        )
    return "helm"


def _apply_rules(fields: dict[str, Any], given: Mapping[str, Any], file: Mapping[str, Any]) -> None:
    """Add what the configuration file says about rules, and the rules that the command line adds to it."""
    extended = _given(_EXTEND, given) or ()
    added = ids_of(extended, f"--{_EXTEND.name}")
    levels = Levels(entries=file.get(configuration.SEVERITY, ()), exclude=fields.pop("exclude")).with_rules(added)
    if fields["select"]:
        fields["select"] = (*fields["select"], *extended)
    if added and not given.get("ignore"):
        fields["ignore"] = without(fields["ignore"], extended)
    fields["ignore"] = (*fields["ignore"], *sorted(levels.off()))
    fields["levels"] = levels


def _to_repeat(given: Mapping[str, Any], config: Path | None, fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the values that `reproduce` repeats.

    Its command names a chart of the catalog by a PATH, near which another configuration file may lie, or none.
    """
    return given if given["paths"] else {**given, "config": config, "catalog": fields["catalog"]}


def _given(option: Option, given: Mapping[str, Any]) -> Any:
    """Return the user's value of an option, None where there is none."""
    value = given.get(option.dest)
    if option.kind is Kind.PATTERNS:
        return tuple(path_patterns.absolute(Path(), text) for text in value) if value else None
    if option.kind in (Kind.NAMES, Kind.FILES):
        # pytest has one option for `check`, which takes one value, and for `live`, which takes several.
        return (value,) if isinstance(value, str | Path) else tuple(value) or None if value else None
    if value is None and option.environment and (text := os.environ.get(option.environment)):
        return Path(text)
    return None if option.kind is Kind.FLAG and not value else value


def _nothing(option: Option) -> Any:
    """Return the value of an option that neither the user nor the file sets, and that has no default."""
    if option.kind is Kind.FLAG:
        return False
    return () if option.kind in _REPEATABLE else None


def _repeated(options: Iterable[Option], given: Mapping[str, Any], *, strict: bool) -> tuple[str, ...]:
    """Return the words of the command line that `reproduce` needs: repeatable options first, then single ones.

    `strict` may come from the configuration file, so it is repeated by its value.
    """
    wanted = [option for option in options if option.repeated and option.kind is not Kind.SWITCH]
    wanted.sort(key=lambda option: option.kind not in _REPEATABLE)
    words: list[str] = []
    for option in wanted:
        value = given.get(option.dest)
        for text in value or () if option.kind in _REPEATABLE else (value,) if value else ():
            words += [f"--{option.name}", str(text)]
    return (*words, "--strict") if strict else tuple(words)


def _pull_secret(file: Path | None, given: Mapping[str, Any], config: Path | None) -> PullSecret | None:
    if file is None:
        return None
    named_by = f"--{_PULL_SECRET}"
    if config is not None and not given.get("image_pull_secret"):
        named_by = configuration.place(config, _PULL_SECRET)
    return pull_secret.read(file, named_by)


def _flavor(given: Mapping[str, Any], config: Path | None, data: DataPath) -> Flavor | None:
    """Return the flavor that `check` takes the images from: one name or one file, of the user or of the file."""
    found = configuration.read(config) if config else {}
    if not given.get("flavor") and not given.get("flavor_file"):
        given = {"flavor": _only("flavor", found, config), "flavor_file": _only("flavor-file", found, config)}
    name, file = given.get("flavor"), given.get("flavor_file")
    if name and file:
        raise UsageError("--flavor and --flavor-file exclude each other")
    if file:
        return records.load(Flavor, file)
    return definitions.chosen(definitions.flavors(data), name, "flavor") if name else None


def _only(key: str, found: Mapping[str, Any], config: Path | None) -> Any:
    """Return the one value of a key that `live` reads as a list; raises `UsageError` for several."""
    values = found.get(key, ())
    if len(values) > 1 and config:
        raise UsageError(
            f"{configuration.place(config, key)}: `{key}` has {len(values)} values, and `check` takes one",
            fix=f"choose one on the command line: --{key} {values[0]}",
        )
    return values[0] if values else None


def _majors(names: tuple[str, ...]) -> tuple[int, ...]:
    try:
        return tuple(dict.fromkeys(int(name) for name in names))
    except ValueError:
        raise UsageError(f"--helm {','.join(names)}", expected="3, 4 or 3,4") from None
