"""Turns the table of options and the registered reporters into arguments of a verb, and back."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from osh_conformance.config.options import OUTPUT, Kind, options_of
from osh_conformance.errors import UsageError
from osh_conformance.report.base import registered

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from osh_conformance.config.options import Option
    from osh_conformance.report.base import FileReporter

#: Stands for the text of an option that is given alone: no command line has this character.
_ALONE = "\0"


def add_options(parser: argparse.ArgumentParser, verb: str, *, reports: bool) -> None:
    """Offer the PATH arguments and the options of a verb, in groups; with `reports` an option for each reporter."""
    groups: dict[str, argparse._ArgumentGroup] = {}
    for option in options_of(verb):
        if not option.name:
            parser.add_argument(option.target, nargs="*", type=path, metavar=option.placeholder, help=option.help)
            continue
        if option.group not in groups:
            groups[option.group] = parser.add_argument_group(option.group)
        add_option(groups[option.group], option)
    for name, reporter in registered().items() if reports else ():
        groups[OUTPUT].add_argument(
            f"--{name}", type=path, metavar=reporter.metavar, help=f"{reporter.help}; - is standard output"
        )
    parser.set_defaults(reporters=tuple(registered()) if reports else ())


def add_option(parser: argparse._ActionsContainer, option: Option) -> None:
    """Offer one option."""
    names = filter(None, (option.name, option.alias))
    flags = sorted((f"--{name}" if len(name) > 1 else f"-{name}" for name in names), key=_is_long)
    parser.add_argument(*flags, dest=option.dest, help=option.help, **_form(option))


def _is_long(flag: str) -> bool:
    return flag.startswith("--")


def given(args: argparse.Namespace) -> Mapping[str, Any]:
    """Return the values of the options by `Option.dest`."""
    return vars(args)


def reporters_of(args: argparse.Namespace) -> list[FileReporter]:
    """Return a reporter for each file that the command line names, the same ones at each call."""
    if not hasattr(args, "asked_for"):
        offered = getattr(args, "reporters", ())
        files = {name: getattr(args, name.replace("-", "_"), None) for name in offered}
        args.asked_for = [registered()[name](file) for name, file in files.items() if file]
    asked_for: list[FileReporter] = args.asked_for
    return asked_for


def _form(option: Option) -> dict[str, Any]:
    """Return the keyword arguments of `add_argument` for the kind of an option."""
    if option.kind is Kind.FLAG:
        return {"action": "store_true"}
    if option.kind is Kind.OPTIONAL:
        return {"metavar": option.placeholder, "nargs": "?", "const": "", "type": partial(_text, option.name)}
    if option.kind is Kind.SWITCH:
        return {"action": argparse.BooleanOptionalAction, "default": None}
    form: dict[str, Any] = {"metavar": option.placeholder, "choices": option.choices or None}
    forms: dict[Kind, dict[str, Any]] = {
        Kind.NAMES: {"action": "extend", "type": _names, "default": []},
        Kind.PATTERNS: {"action": "append", "type": _filled, "default": []},
        Kind.FILES: {"action": "append", "type": path, "default": []},
        Kind.FILE: {"type": path},
        Kind.COUNT: {"type": partial(_count, option.name)},
        Kind.SECONDS: {"type": float},
    }
    return form | forms.get(option.kind, {})


def _filled(text: str) -> str:
    """Refuse an empty text: it is an empty variable of a script, and neither everything nor the working directory."""
    if not text:
        raise argparse.ArgumentTypeError("its value is empty")
    return text


def path(text: str) -> Path:
    """Return a path, as `_filled` does."""
    return Path(_filled(text))


def names(text: str) -> list[str]:
    """Return the names in a comma separated text."""
    return [name.strip() for name in text.split(",") if name.strip()]


def _names(text: str) -> list[str]:
    """Return the names in a text, the text itself where it has none: that is an error, and no missing option."""
    return names(text) or [text]


def joined(words: Sequence[str], verb: str) -> list[str]:
    """Return a command line in which each option of kind OPTIONAL is one word, so that it takes no PATH as its text.

    The word behind it is its text, unless that is an option, or there is a file or folder of this name, or it looks
    like the path of one.
    """
    flags = {f"--{option.name}" for option in options_of(verb) if option.kind is Kind.OPTIONAL}
    joined: list[str] = []
    left = list(words)
    while left:
        word = left.pop(0)
        if word == "--":
            return [*joined, word, *left]
        if word in flags:
            word += f"={left.pop(0) if left and _is_name(left[0]) else _ALONE}"
        joined.append(word)
    return joined


def _is_name(word: str) -> bool:
    return not word.startswith("-") and not set(word) & {"/", "."} and word != "" and not Path(word).exists()


def _text(option: str, text: str) -> str:
    if not text:
        raise UsageError(f"--{option}=", expected=f"a name behind `=`, or --{option} alone")
    return "" if text == _ALONE else text


def _count(option: str, text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise UsageError(f"--{option} {text}", expected="a number, at least 1")
    return int(text)
