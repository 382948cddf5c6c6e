"""The folder of revisions: names, order, pairs, and what cannot be one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from wayfare.core.errors import Invalid, NotFound
from wayfare.schema.revisions.files import create, next_version, order, read_folder
from wayfare.schema.revisions.folder import Folder


def write(folder: Path, *names: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_text(f"-- {name}\nselect 1;\n")
    return folder


def test_versions_come_by_their_value_not_their_spelling(tmp_path: Path) -> None:
    folder = write(tmp_path / "m", "10_ten.sql", "9_nine.sql", "20261128113000_late.sql", "0001_one.sql")
    assert [r.version for r in read_folder(folder)] == ["0001", "9", "10", "20261128113000"]


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        (["1.10", "1.2", "1"], ["1", "1.2", "1.10"]),
        (["b", "a", "2"], ["2", "a", "b"]),
        (["app.0010_x", "app.0002_y"], ["app.0002_y", "app.0010_x"]),
    ],
)
def test_order(versions: list[str], expected: list[str]) -> None:
    assert sorted(versions, key=order) == expected


def test_a_way_back_stands_beside_its_file(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "m", "0001_one.sql", "0001_one.down.sql", "0002_two.sql", "V3.1__flyway.sql", "U3.1__x.sql"
    )
    found = {r.version: (r.name, r.down_path.name if r.down_path else None) for r in read_folder(folder)}
    assert found == {
        "0001": ("one", "0001_one.down.sql"),
        "0002": ("two", None),
        "3.1": ("flyway", "U3.1__x.sql"),
    }


def test_how_lines_end_does_not_change_the_checksum(tmp_path: Path) -> None:
    unix, dos = tmp_path / "unix", tmp_path / "dos"
    for folder, text in ((unix, b"create table t (a int);\n"), (dos, b"\xef\xbb\xbfcreate table t (a int);\r\n")):
        folder.mkdir()
        (folder / "0001_t.sql").write_bytes(text)
    assert read_folder(unix)[0].checksum == read_folder(dos)[0].checksum


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["0001_a.sql", "0001_b.sql"], "0001_a.sql and 0001_b.sql have the same version"),
        (["first.sql"], "first.sql does not begin with a version"),
        (["0001_a.down.sql"], "0001_a.down.sql takes back what no file makes"),
    ],
)
def test_what_cannot_be_a_folder_of_revisions(tmp_path: Path, names: list[str], told: str) -> None:
    with pytest.raises(Invalid, match=re.escape(told)) as raised:
        read_folder(write(tmp_path / "m", *names))
    assert raised.value.remedy


def test_a_file_that_is_not_utf_8_names_the_byte(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    folder.mkdir()
    (folder / "0001_a.sql").write_bytes(b"select '\xe9';")
    with pytest.raises(Invalid, match="byte 9 is not UTF-8"):
        read_folder(folder)


def test_a_file_over_ten_megabytes_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    folder.mkdir()
    (folder / "0001_a.sql").write_bytes(b"-" * (10 * 1024 * 1024 + 1))
    with pytest.raises(Invalid, match="more than 10 MB"):
        read_folder(folder)


def test_no_folder_says_how_to_begin(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="wayfare schema new"):
        read_folder(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("existing", "expected"), [([], "0001"), (["0001", "0009"], "0010"), (["9"], "10"), (["1.2", "0003"], "0004")]
)
def test_the_next_version(existing: list[str], expected: str) -> None:
    assert next_version(existing) == expected


def test_new_files_are_revisions(tmp_path: Path) -> None:
    up, down = create(tmp_path / "m", "Add e-mail!", [])
    assert (up.name, down.name) == ("0001_add_e_mail.sql", "0001_add_e_mail.down.sql")
    assert [r.title for r in read_folder(tmp_path / "m")] == ["0001_add_e_mail"]


def test_a_folder_that_is_asked_again_sees_what_changed(tmp_path: Path) -> None:
    folder = Folder(write(tmp_path / "m", "0001_one.sql"))
    first = folder.revisions()
    assert folder.revisions() is first
    write(tmp_path / "m", "0002_two.sql")
    assert [r.version for r in folder.revisions()] == ["0001", "0002"]
    (tmp_path / "m" / "0002_two.sql").write_text("select 2, 'edited';")
    assert folder.revisions()[1].text == "select 2, 'edited';"
