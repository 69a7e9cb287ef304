"""The file that LocalUpstash keeps its keys in."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatmem_nb.errors import InvalidInputError
from chatmem_nb.local.upstash.snapshot import Content, Entry, read_snapshot, write_snapshot

KEYS = '{"format": "LocalUpstash", "version": 1, "keys": [%s]}'

contents: st.SearchStrategy[Content] = st.recursive(
    st.binary(max_size=20) | st.text(max_size=20).map(str.encode) | st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=12,
)
times = st.none() | st.integers(min_value=0, max_value=4_102_444_800_000)
entries = st.lists(
    st.builds(Entry, st.binary(max_size=20), st.sampled_from(["string", "list"]), times, contents)
)


@given(entries)
def test_what_is_written_is_read_back(tmp_path_factory: pytest.TempPathFactory, written: list[Entry]) -> None:
    path = tmp_path_factory.mktemp("snapshot") / "keys.json"
    write_snapshot(path, written)
    assert read_snapshot(path) == written


def test_the_file_can_be_read_and_compared_by_eye(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    write_snapshot(path, [Entry(b"message_store:a", "list", None, [b"new\xc3\xa9", b"\xff"])])
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[1:] == [
        '{"key": "message_store:a", "type": "list", "expires_at": null, "value": [',
        '"newé",',
        '{"base64": "/w=="}',
        "]}",
        "]}",
    ]
    assert json.loads(path.read_text(encoding="utf-8"))["format"] == "LocalUpstash"


def test_a_file_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert read_snapshot(tmp_path / "none.json") == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"format": "other", "version": 1, "keys": []}',
        '{"format": "LocalUpstash", "version": 2, "keys": []}',
        '{"format": "LocalUpstash", "version": 1}',
        KEYS % '{"key": 1}',
        KEYS % '{"key": 1, "type": "x", "expires_at": null, "value": ""}',
        KEYS % '{"key": "k", "type": "x", "expires_at": 5, "value": ""}',
        KEYS % '{"key": {"base64": "!"}, "type": "x", "expires_at": null}',
        KEYS % '{"key": "k", "type": "x", "expires_at": null, "value": 1.5}',
    ],
)
def test_an_invalid_snapshot_is_rejected_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInputError, match=r"keys\.json is not a snapshot of LocalUpstash"):
        read_snapshot(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidInputError, match="not UTF-8"):
        read_snapshot(path)


def test_a_write_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    good = [Entry(b"k", "string", None, b"v")]
    write_snapshot(path, good)

    def broken() -> object:
        yield good[0]
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        write_snapshot(path, broken())
    assert read_snapshot(path) == good


@pytest.mark.skipif(os.name != "posix", reason="other systems keep files private by other means")
def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    write_snapshot(path, [])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
