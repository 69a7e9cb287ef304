"""An export in a folder where others may write: it goes to its own file, and is read by nobody before."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from chatmem_nb import export
from chatmem_nb.exports.staging import Staging
from chatmem_nb.formats.private_files import is_private, open_private
from chatmem_nb.records import encode, parse_all

pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes and links of POSIX")
CHAT = parse_all([encode(HumanMessage("a secret plan"))])
FORMATS = ["x.parquet", "x.jsonl", "x.csv", "x.md", "x.html"]
TASK: dict[str, Any] = {"format": "jsonl"}


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    before = os.umask(0o027)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.mark.parametrize("name", FORMATS)
def test_a_planted_link_redirects_nothing(tmp_path: Path, name: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / f".{name}.partial").symlink_to(elsewhere, target_is_directory=True)
    export(CHAT, tmp_path / name, progress=False)
    assert list(elsewhere.iterdir()) == []
    assert (tmp_path / name).is_file()
    assert not (tmp_path / f".{name}.partial").exists()


@pytest.mark.parametrize("name", FORMATS)
def test_the_file_has_the_modes_of_the_umask(tmp_path: Path, name: str) -> None:
    export(CHAT, tmp_path / name, progress=False)
    assert mode(tmp_path / name) == 0o640


def test_a_folder_has_the_modes_of_the_umask(tmp_path: Path) -> None:
    export(CHAT, tmp_path / "x.parquet", partition_by="role", progress=False)
    assert {mode(path) for path in tmp_path.rglob("*") if path.is_dir()} == {0o750}
    assert {mode(path) for path in tmp_path.rglob("*") if path.is_file()} == {0o640}


def interrupted(path: Path) -> Path:
    """Leave a staging folder behind that knows of one session."""
    with suppress(KeyboardInterrupt), Staging(path, TASK) as staging:
        staging.output.write_text("half")
        staging.output.chmod(0o600)
        staging.checkpoint(["s"], {"offset": 4})
        raise KeyboardInterrupt
    return path.with_name(f".{path.name}.partial")


def resumed(path: Path) -> bool:
    with Staging(path, TASK) as staging:
        return staging.done == {"s"}


def test_what_is_staged_is_this_users_alone(tmp_path: Path) -> None:
    folder = interrupted(tmp_path / "x")
    assert mode(folder) == 0o700
    assert {mode(path) for path in folder.iterdir()} == {0o600}
    assert resumed(tmp_path / "x")


@pytest.mark.parametrize("part", ["", "journal.jsonl", "output"])
def test_what_others_may_write_is_not_resumed(tmp_path: Path, part: str) -> None:
    folder = interrupted(tmp_path / "x")
    (folder / part).chmod(0o777)
    assert not resumed(tmp_path / "x")
    assert mode(folder) == 0o700


@pytest.mark.parametrize("part", ["journal.jsonl", "output"])
@pytest.mark.parametrize("make", [Path.symlink_to, Path.hardlink_to])
def test_a_link_in_it_is_not_resumed(tmp_path: Path, part: str, make: Any) -> None:
    folder = interrupted(tmp_path / "x")
    other = tmp_path / "other"
    (folder / part).rename(other)
    make(folder / part, other)
    before = other.read_text()
    assert not resumed(tmp_path / "x")
    assert other.read_text() == before


def test_a_folder_of_someone_else_is_not_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = interrupted(tmp_path / "x")
    assert is_private(folder)
    if os.geteuid() == 0:  # who alone gives files away
        os.chown(folder, 12_345, -1)
        assert not resumed(tmp_path / "x")
    else:
        someone_else = os.geteuid() + 1
        monkeypatch.setattr(os, "geteuid", lambda: someone_else)
        assert not is_private(folder)


def test_a_file_in_the_place_of_the_folder_is_replaced(tmp_path: Path) -> None:
    (tmp_path / ".x.jsonl.partial").write_text("in the way")
    export(CHAT, tmp_path / "x.jsonl", progress=False)
    assert (tmp_path / "x.jsonl").stat().st_size > 0


def test_no_private_file_is_opened_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("kept")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with pytest.raises(OSError, match="symbolic"):
        open_private(tmp_path / "link", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    assert (tmp_path / "target").read_text() == "kept"
