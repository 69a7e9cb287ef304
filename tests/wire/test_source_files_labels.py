"""Labels in a file of conversations: shown, read-only, and never messages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chatmem_nb import (
    FileSource,
    HistoryBrowser,
    Labels,
)
from chatmem_nb.records import parse_all
from tests.exported_talks import RECORDS, exported, read
from tests.plain_reader import PlainReader
from tests.wire.browser_page import Page, kept_comms


@pytest.mark.parametrize("format", ["parquet", "jsonl"])
def test_labels_in_a_file_are_no_messages(tmp_path: Path, format: str) -> None:
    labels = Labels(tmp_path / "labels.jsonl")
    labels.set("alice", note="a good one")
    labels.set("alice", parse_all(RECORDS["alice"])[1], star=True)
    assert read(exported(tmp_path / f"talks.{format}", labels=labels)) == RECORDS


@pytest.fixture
def labelled(tmp_path: Path) -> Labels:
    labels = Labels(tmp_path / "labels.jsonl", tags=["wrong"], author="ann")
    labels.set("alice", parse_all(RECORDS["alice"])[1], add=["wrong"], note="It is at ten.")
    labels.set("bøb/2", star=True)
    return labels


@pytest.mark.parametrize("name", ["talks.parquet", "talks.jsonl", "talks.jsonl.gz"])
def test_labels_in_a_file_are_shown_and_cannot_be_changed(
    tmp_path: Path, labelled: Labels, name: str
) -> None:
    path = exported(tmp_path / name, labels=labelled)
    before = path.read_bytes()
    for _ in range(2):  # the second time from the index
        with kept_comms():
            browser = HistoryBrowser(FileSource(path, index=tmp_path / "chats.index"))
            page = Page(browser)
            assert page.ask("hello")["palette"] is None
            rows = {row["session_id"]: row for row in page.ask("sessions")["rows"]}
            assert rows["bøb/2"]["label"]["star"] is True
            assert (rows["alice"].get("label"), rows["alice"]["labelled"]) == (None, 1)
            shown = [row.get("label") for row in page.rows("alice")]
            assert [row is None for row in shown] == [True, False, True, True]
            assert {"tags": ["wrong"], "note": "It is at ten.", "author": "ann"}.items() <= shown[1].items()
            starred = page.ask("sessions", label="star")["rows"]
            assert [row["session_id"] for row in starred] == ["bøb/2"]
            refused = page.refused("label", **page.message("alice", 0), star=True)
            assert refused.type == "not_allowed"
            assert browser.labels is None
            browser.close()
    assert path.read_bytes() == before


def test_labels_that_are_given_are_shown_instead_of_those_in_the_file(
    tmp_path: Path, labelled: Labels
) -> None:
    path = exported(tmp_path / "talks.jsonl", labels=labelled)
    with kept_comms():
        browser = HistoryBrowser(str(path), labels=Labels(tmp_path / "mine.jsonl"))
        page = Page(browser)
        assert [row.get("label") for row in page.rows("alice")] == [None] * 4
        assert page.ask("label", **page.message("alice", 0), star=True)["label"]["star"]
        browser.connect(PlainReader(RECORDS))
        assert page.ask("sessions")["rows"][0]["labelled"] == 1
        browser.close()


def test_labels_of_a_file_do_not_show_on_another_source(tmp_path: Path, labelled: Labels) -> None:
    path = exported(tmp_path / "talks.jsonl", labels=labelled)
    with kept_comms():
        browser = HistoryBrowser(str(path))
        page = Page(browser)
        assert page.ask("sessions")["rows"][0]["labelled"] == 1
        browser.connect(PlainReader(RECORDS))
        assert [row.get("labelled") for row in page.ask("sessions")["rows"]] == [None, None]
        browser.close()


def test_made_up_labels_hide_no_message(tmp_path: Path, labelled: Labels) -> None:
    path = exported(tmp_path / "talks.jsonl", labels=labelled)
    made_up: list[Any] = [{}, {"star": 1}, {"message": 5}, {"add": [[]], "note": {}}, {"message": {"id": []}}]
    lines = [json.dumps({"session_id": name, "label": label}) for label in made_up for name in ("alice", 5)]
    path.write_text(path.read_text() + "\n".join(lines) + "\n")
    with kept_comms():
        browser = HistoryBrowser(str(path))
        page = Page(browser)
        assert [row.get("label") is None for row in page.rows("alice")] == [True, False, True, True]
        browser.close()
