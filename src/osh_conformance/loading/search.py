"""Finds files that are not Python: those of the package, and the data files of users.

A data file is `<kind>/<name>.yaml` in one of these folders, in this order:

1. the package's own `data/`;
2. the project's: `osh-conformance-data/` beside the configuration file of the run (`osh-conformance.toml`, or the
   `pyproject.toml` with its table);
3. each `--data DIR`, from left to right.

A name is defined once: a second file of that name is an error, in whichever folder it is. So no file silently replaces
another, and a name means the same to every reader of a report.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from osh_conformance.errors import UsageError
from osh_conformance.loading.suggest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

#: The kinds of data files, as their folders are called.
KINDS = ("flavors", "formats", "runtimes", "conventions", "scenarios")
#: The project's folder of data files, beside its configuration file.
PROJECT_FOLDER = "osh-conformance-data"
_SUFFIXES = (".yaml", ".yml")
_PACKAGE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True, kw_only=True)
class DataPath:
    """The users' folders of data files, in the order of the search; the package's own folder is always the first."""

    folders: tuple[Path, ...] = ()


#: The data files that come with the suite, and no others.
PACKAGE_ONLY = DataPath()


def data_path(
    named: Iterable[Path] = (), configuration: Path | None = None, *, named_by: Callable[[], str] = lambda: "--data"
) -> DataPath:
    """Return the path of a run: the project's folder, and the `named` ones.

    `configuration` is the configuration file of the run. `named_by` returns the option, or the key and its place,
    that names the folders. Raises `UsageError` for a named folder that does not exist, or has no data files.
    """
    project = configuration.parent / PROJECT_FOLDER if configuration else None
    folders = [project.resolve()] if project and project.is_dir() else []
    for folder in named:
        if not folder.is_dir():
            raise UsageError(f"{named_by()} {folder}: no such folder")
        folders.append(folder.resolve())
    for folder in folders:
        _check_layout(folder)
    return DataPath(folders=tuple(dict.fromkeys(folders)))


def _check_layout(folder: Path) -> None:
    """Raise `UsageError` for a folder without data files, or with a misspelt kind: its files would be ignored."""
    inside = sorted(each.name for each in folder.iterdir() if each.is_dir())
    expected = f"a folder {', '.join(KINDS[:-1])} or {KINDS[-1]}"
    for name in inside:
        if name not in KINDS and (suggestion := did_you_mean(name, KINDS)):
            raise UsageError(f"{folder / name}: no kind of data file{suggestion}", expected=expected)
    if not set(inside) & set(KINDS):
        raise UsageError(f"{folder}: no data files", expected=expected)


def data_files(kind: str, path: DataPath = PACKAGE_ONLY) -> Mapping[str, Path]:
    """Return the files of a kind by name. Raises `UsageError` for two of one name."""
    found: dict[str, Path] = {}
    for folder in (data_folder(kind), *(each / kind for each in path.folders)):
        files = (file for file in folder.glob("*") if file.suffix in _SUFFIXES) if folder.is_dir() else ()
        for file in sorted(files):
            if file.stem in found:
                raise UsageError(
                    f"{file}: `{file.stem}` is already defined in {found[file.stem]}",
                    fix="give the file, and the name in it, another name",
                )
            found[file.stem] = file
    return found


def data_folder(name: str) -> Path:
    """Return `data/<name>` of the package."""
    return _PACKAGE / "data" / name


def suite_folder(name: str) -> Path:
    """Return `suites/<name>`: inside the package in a wheel, at the top in a checkout."""
    installed = _PACKAGE / "suites" / name
    return installed if installed.is_dir() else _PACKAGE.parents[1] / "suites" / name
