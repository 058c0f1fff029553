"""Compare the pinned versions with the newest ones: `python -m ci.versions`. Changes nothing.

Exit codes: 0 there is nothing newer, 1 there is, 3 a version could not be asked for.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ci import digests
from osh_conformance import process
from osh_conformance.errors import SuiteError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

_ROOT = Path(__file__).resolve().parents[1]
_FILE = _ROOT / "ci" / "versions.toml"
_ASK = 60.0
_NEWER, _FAILED = 1, 3
#: Three numbers or fewer, and nothing after them: no release candidate.
_RELEASE = re.compile(r"v?(\d+(?:\.\d+){0,2})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """A pinned version; `ci/versions.toml` describes the fields."""

    name: str
    version: str
    module: str = ""
    package: str = ""
    crate: str = ""
    held: str = ""
    note: str = ""
    files: Mapping[str, str] = field(default_factory=dict)

    def places(self, version: str) -> dict[str, str]:
        """Return the text that each file has with `version`."""
        rest = version.partition(".")[2]
        return {name: text.format(version=version, rest=rest) for name, text in self.files.items()}


def load(file: Path = _FILE) -> tuple[Pin, ...]:
    """Return all pins."""
    return tuple(Pin(name=name, **fields) for name, fields in tomllib.loads(file.read_text()).items())


def disagreements(pin: Pin, root: Path = _ROOT) -> list[str]:
    """Return the files that do not have a pin's version."""
    return [
        f"{name}: expected `{text}`, the version of {pin.name} in ci/versions.toml"
        for name, text in pin.places(pin.version).items()
        # A digit or a dot after it would make it another version.
        if not re.search(re.escape(text) + r"(?![\d.])", (root / name).read_text())
    ]


def newest(versions: Iterable[str], like: str) -> str:
    """Return the newest release, with as many numbers as `like`, and with its first number unless that is 0 or 1.

    A first number of 2 and more belongs to the name: the next one is another program, as Helm 4 is for Helm 3.
    """
    size = len(_numbers(like))
    releases = [_numbers(match[1])[:size] for text in versions if (match := _RELEASE.fullmatch(text))]
    if _numbers(like)[0] > 1:
        releases = [numbers for numbers in releases if numbers[0] == _numbers(like)[0]]
    return ".".join(map(str, max([_numbers(like), *releases])))


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def ask(pin: Pin) -> list[str]:
    """Ask the package manager for the versions; raises `SuiteError`."""
    if pin.module:
        command = process.Command(argv=["go", "list", "-m", "-versions", pin.module], cwd=Path(Path.cwd().anchor))
        return process.run(command, deadline=_ASK).stdout.split()[1:]
    if pin.crate:
        # Not in a folder below a Cargo project: there its own version would be meant.
        command = process.Command(argv=["cargo", "info", pin.crate], cwd=Path(Path.cwd().anchor))
        named = re.search(r"^version: (\S+)", process.run(command, deadline=_ASK).stdout, re.MULTILINE)
        if named is None:
            raise SuiteError(f"cargo names no version of {pin.crate}")
        return [named[1]]
    argv = [sys.executable, "-m", "pip", "index", "--disable-pip-version-check", "versions", pin.package]
    listed = re.search(r"^Available versions: (.*)$", process.run(argv, deadline=_ASK).stdout, re.MULTILINE)
    if listed is None:
        raise SuiteError(f"pip lists no versions of {pin.package}")
    return listed[1].split(", ")


def main(argv: Sequence[str] | None = None, asked: Callable[[Pin], list[str]] = ask) -> int:
    """Print what is pinned and what is newest, and what to change; return the exit code."""
    summary, _, codes = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(prog="python -m ci.versions", description=summary, epilog=codes.strip())
    parser.add_argument(
        "--digests",
        action="store_true",
        help="compare the base images of recipes with what their registries have, instead of versions",
    )
    return _digests() if parser.parse_args(argv).digests else _versions(asked)


def _digests() -> int:
    # Needs the libraries of the extra `live`, which versions do not.
    from osh_conformance.registry.lookup import look_up_all  # noqa: PLC0415

    lines, other, failed = digests.compare(digests.bases(), look_up_all)
    print(*lines, sep="\n")
    return _code(newer=other, failed=failed)


def _versions(asked: Callable[[Pin], list[str]]) -> int:
    newer: list[tuple[Pin, str]] = []
    failed = False
    print(f"{'name':<16}{'pinned':<12}newest")
    for pin in load():
        if pin.held:
            print(f"{pin.name:<16}held: {pin.held}")
            continue
        try:
            found = newest(asked(pin), pin.version)
        except SuiteError as error:
            failed = True
            print(f"{pin.name:<16}{pin.version:<12}unknown: {error.message}")
            continue
        print(f"{pin.name:<16}{pin.version:<12}{'-' if found == pin.version else found}")
        if found != pin.version:
            newer.append((pin, found))
    for pin, found in newer:
        print(*_proposal(pin, found), sep="\n")
    return _code(newer=bool(newer), failed=failed)


def _code(*, newer: bool, failed: bool) -> int:
    return _FAILED if failed else _NEWER if newer else 0


def _proposal(pin: Pin, version: str) -> list[str]:
    changes = [f"  {name}: {text}" for name, text in pin.places(version).items()]
    if any(name.endswith("go.mod") for name in pin.files):
        changes.append("  then run `go mod tidy` beside go.mod")
    if pin.note:
        changes.append(f"  note: {pin.note}")
    return ["", f"{pin.name} {version}: ci/versions.toml, and", *changes]


if __name__ == "__main__":
    sys.exit(main())
