"""Files are read as they are, and written whole or not at all."""

from __future__ import annotations

import os
import stat
import tarfile
from typing import TYPE_CHECKING

import pytest

from osh_conformance.errors import UsageError
from osh_conformance.fix.folder import ChartFolder, FileChange
from osh_conformance.model.repair import Edit
from osh_conformance.repairs.problem import UncertainError

if TYPE_CHECKING:
    from pathlib import Path


def _change(file: Path, after: bytes = b"new") -> FileChange:
    return FileChange(path=file.name, file=file, before=file.read_bytes(), after=after)


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_replaced_with_its_mode(tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_bytes(b"old")
    file.chmod(0o640)
    _change(file).write()
    assert file.read_bytes() == b"new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert _names(tmp_path) == ["values.yaml"]


def test_a_file_that_was_changed_while_it_was_fixed_stays(tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_bytes(b"old")
    change = _change(file)
    file.write_bytes(b"of somebody else")
    with pytest.raises(UsageError, match="changed while it was fixed"):
        change.write()
    assert file.read_bytes() == b"of somebody else"
    assert _names(tmp_path) == ["values.yaml"]


def test_a_file_that_became_a_link_stays(tmp_path: Path) -> None:
    file, other = tmp_path / "values.yaml", tmp_path / "other"
    file.write_bytes(b"old")
    other.write_bytes(b"old")
    change = _change(file)
    file.unlink()
    file.symlink_to(other)
    with pytest.raises(UsageError, match="changed while it was fixed"):
        change.write()
    assert file.is_symlink()


def test_a_read_only_file_stays(tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_bytes(b"old")
    file.chmod(0o444)
    with pytest.raises(UsageError, match="read-only") as raised:
        _change(file).write()
    assert raised.value.fix.startswith("chmod u+w")
    assert file.read_bytes() == b"old"


def test_a_file_that_is_gone_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_bytes(b"old")
    change = _change(file)
    file.unlink()
    with pytest.raises(UsageError, match="No such file"):
        change.write()
    assert not _names(tmp_path)


def test_a_disk_that_is_full_leaves_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "values.yaml"
    file.write_bytes(b"old")
    change = _change(file)

    def full(_number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UsageError, match="No space left on device"):
        change.write()
    assert file.read_bytes() == b"old"
    assert _names(tmp_path) == ["values.yaml"]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("../values.yaml", "outside"),
        ("/etc/hostname", "outside"),
        ("a/../../values.yaml", "outside"),
        ("charts/other/values.yaml", "dependency"),
        ("link.yaml", "link"),
        ("inside.yaml", "link"),
        ("folder/values.yaml", "link"),
        ("none.yaml", "no regular file"),
        ("templates", "no regular file"),
        ("latin.yaml", "not UTF-8"),
    ],
)
def test_a_file_that_must_not_be_changed_is_refused(tmp_path: Path, path: str, reason: str) -> None:
    chart, outside = tmp_path / "chart", tmp_path / "outside"
    for folder in (chart / "templates", chart / "charts" / "other", outside):
        folder.mkdir(parents=True)
        (folder / "values.yaml").write_text("a: b\n")
    (tmp_path / "values.yaml").write_text("a: b\n")
    (chart / "latin.yaml").write_bytes(b"a: \xfc\n")
    (chart / "link.yaml").symlink_to(outside / "values.yaml")
    (chart / "inside.yaml").symlink_to("templates/values.yaml")
    (chart / "folder").symlink_to(outside)
    with pytest.raises(UncertainError, match=reason):
        ChartFolder(root=chart).read(path)


def test_a_packaged_chart_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "chart.tgz"
    tarfile.open(archive, "w:gz").close()
    with pytest.raises(UncertainError, match="packaged"):
        ChartFolder(root=archive).read("values.yaml")


def test_a_chart_that_is_reached_by_a_link_is_read(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "values.yaml").write_text("a: b\n")
    (tmp_path / "chart").symlink_to("real")
    assert ChartFolder(root=tmp_path / "chart").read("values.yaml").text == "a: b\n"


def test_edits_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    (tmp_path / "values.yaml").write_text("a: b\n")
    folder = ChartFolder(root=tmp_path)
    folder.read("values.yaml")
    with pytest.raises(UncertainError, match="another text"):
        folder.changed([Edit(path="values.yaml", start=3, old=b"x", new=b"y")])


def test_edits_of_several_rounds_add_up(tmp_path: Path) -> None:
    (tmp_path / "values.yaml").write_bytes(b"a: b\r\nc: d")
    folder = ChartFolder(root=tmp_path)
    folder.read("values.yaml")
    first = [
        Edit(path="values.yaml", start=9, old=b"d", new=b"dd"),
        Edit(path="values.yaml", start=3, old=b"b", new=b""),
    ]
    folder.keep(folder.changed(first))
    assert folder.read("values.yaml").text == "a: \r\nc: dd"
    folder.keep(folder.changed([Edit(path="values.yaml", start=8, old=b"dd", new=b"d")]))
    (change,) = folder.changes()
    assert (change.before, change.after) == (b"a: b\r\nc: d", b"a: \r\nc: d")


@pytest.mark.parametrize(
    ("first", "second", "overlap"),
    [
        ((0, b"abc"), (2, b"c"), True),
        ((0, b"ab"), (2, b"c"), False),
        ((4, b""), (4, b""), True),
        ((1, b"bcd"), (2, b""), True),
    ],
)
def test_edits_overlap_where_they_change_the_same_bytes(
    first: tuple[int, bytes],
    second: tuple[int, bytes],
    overlap: bool,  # noqa: FBT001
) -> None:
    one, two = (Edit(path="v", start=start, old=old, new=b"x") for start, old in (first, second))
    assert one.overlaps(two) is two.overlaps(one) is overlap
    assert not one.overlaps(Edit(path="w", start=two.start, old=two.old, new=b"x"))
