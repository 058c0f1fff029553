"""Build what would be published, and check it: `python -m ci.package`, or `tox -e package`.

The source archive holds every file of the checkout, a wheel built from it equals one that is built from the checkout,
and the wheel works in an environment without the checkout.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from osh_conformance import process
from osh_conformance.errors import SuiteError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_ROOT = Path(__file__).resolve().parents[1]
#: Files of the checkout that serve only the repository.
_NOT_PACKED = (".ci/", ".github/")
_BUILD = 600.0
_CHECK = 300.0
#: A program that fails unless the package finds a recipe in itself.
_RECIPES = "from osh_conformance.provision import recipes as r; r.load(r.recipes_folder())['distribution']"
_CHART = _ROOT / "tests" / "cases" / "ref-2" / "latest"


def main(argv: Sequence[str] | None = None) -> int:
    """Build and check the archives; return 0, or 1 and print what is wrong."""
    parser = argparse.ArgumentParser(prog="python -m ci.package", description=__doc__.partition("\n")[0])
    parser.add_argument("--out", metavar="DIR", type=Path, help="keep the archives in DIR, which must be empty")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="osh-conformance-package-") as scratch:
        try:
            problems = check(Path(scratch), args.out)
        except SuiteError as error:
            problems = [str(error)]
    for problem in problems:
        print(f"FAIL {problem}", file=sys.stderr)
    return 1 if problems else 0


def check(scratch: Path, out: Path | None) -> list[str]:
    """Build the archives below `scratch`, copy them to `out`, and return what is wrong with them."""
    dist = scratch / "dist"
    # The default of `build`: the source archive, and from it the wheel.
    _python("-m", "build", "--outdir", dist, _ROOT, deadline=_BUILD)
    _python("-m", "build", "--wheel", "--outdir", scratch / "direct", _ROOT, deadline=_BUILD)
    (source,), (wheel,) = dist.glob("*.tar.gz"), dist.glob("*.whl")
    (direct,) = (scratch / "direct").glob("*.whl")
    _python("-m", "twine", "check", "--strict", source, wheel, deadline=_CHECK)
    _python("-m", "check_wheel_contents", "--config", _ROOT / "pyproject.toml", wheel, deadline=_CHECK)
    problems = [
        *(f"{source.name} lacks {name}" for name in lacking(_tracked(), _members(source))),
        *(f"{wheel.name}: {name}" for name in differences(_contents(wheel), _contents(direct))),
        *_installed(wheel, scratch),
    ]
    if out and not problems:
        shutil.copytree(dist, out, dirs_exist_ok=True)
    print(f"{source.name}: {source.stat().st_size >> 10} KiB, {wheel.name}: {wheel.stat().st_size >> 10} KiB")
    return problems


def lacking(tracked: Iterable[str], packed: Iterable[str]) -> list[str]:
    """Return the files of the checkout that a source archive lacks."""
    return sorted(name for name in set(tracked) - set(packed) if not name.startswith(_NOT_PACKED))


def differences(one: Mapping[str, object], other: Mapping[str, object]) -> list[str]:
    """Return the files that only one of two wheels has, and those whose content or mode differs."""
    return sorted(
        f"{name} is not the same in the wheel that is built from the checkout"
        for name in {*one, *other}
        if one.get(name) != other.get(name)
    )


def _tracked() -> list[str]:
    """Return the files of the checkout, without links to folders: the archive has the folders. Without git, none."""
    if not (_ROOT / ".git").exists():
        print(f"{_ROOT} is no git checkout: nothing says which files the source archive must have")
        return []
    names = process.run(["git", "-C", _ROOT, "ls-files", "-z"], deadline=_CHECK).stdout.split("\0")
    return [name for name in names if name and (_ROOT / name).is_file()]


def _members(archive: Path) -> list[str]:
    with tarfile.open(archive) as file:
        return [name.partition("/")[2] for name in file.getnames()]


def _contents(wheel: Path) -> dict[str, tuple[int, bytes]]:
    """Return mode and content of each file; the execute bit is part of a recipe's key."""
    with zipfile.ZipFile(wheel) as file:
        return {entry.filename: (entry.external_attr, file.read(entry)) for entry in file.infolist()}


def _installed(wheel: Path, scratch: Path) -> list[str]:
    """Install a wheel in an environment of its own, use it outside the checkout, and return what goes wrong."""
    home = scratch / "environment"
    venv.create(home, with_pip=True)
    python = home / "bin" / "python"
    process.run([python, "-m", "pip", "install", "--quiet", f"{wheel}[render]"], deadline=_BUILD)
    chart = shutil.copytree(_CHART, scratch / "elsewhere" / "chart", ignore=shutil.ignore_patterns("expect.yaml"))
    env = {"PYTHONPATH": "", "OSH_CONFORMANCE_RECIPES": "", "OSH_CONFORMANCE_CACHE": str(scratch / "cache")}

    def use(*argv: str | Path) -> process.Outcome:
        return process.run(process.Command(argv=argv, env=env, cwd=chart.parent), deadline=_CHECK, check=False)

    checked = use(home / "bin" / "osh-conformance", "check", chart, "--select", "REF-2")
    found = use(python, "-c", _RECIPES)
    problems = []
    if checked.code != 1 or "FAIL REF-2" not in checked.stdout:
        problems.append(f"{wheel.name}, installed, does not check a chart: {checked.stdout}{checked.stderr}")
    if not found.ok:
        problems.append(f"{wheel.name}, installed, does not find its recipes: {found.tail}")
    return problems


def _python(*words: str | Path, deadline: float) -> None:
    process.run([sys.executable, *words], deadline=deadline)


if __name__ == "__main__":
    sys.exit(main())
