"""Labels on the page: set, shown, filtered by, in a file beside the notebook and never in the store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from chatmem_nb import HistoryBrowser, InvalidInputError, Labels, UpstashSessionStore, export
from chatmem_nb.local import LocalUpstash
from chatmem_nb.records import encode_all, parse_all
from tests.wire.browser_page import Page, kept_comms

EQUAL = '{"type": "human", "data": {"content": "ok", "type": "human"}}'


@pytest.fixture
def store(upstash: LocalUpstash) -> Iterator[UpstashSessionStore]:
    with upstash.store() as store:
        store.append("a", encode_all([HumanMessage("Hi"), AIMessage("Hello"), HumanMessage("Bye")]))
        store.append("b", encode_all([HumanMessage("Hi there")]))
        yield store


@pytest.fixture
def labels(tmp_path: Path) -> Labels:
    return Labels(tmp_path / "labels.jsonl", tags={"wrong": "#c00", "rude": ""}, author="ann")


@pytest.fixture
def page(store: UpstashSessionStore, labels: Labels) -> Iterator[Page]:
    with kept_comms():
        browser = HistoryBrowser(store, labels=labels, read_only=True)
        yield Page(browser)
        browser.close()


def test_a_read_only_page_labels_a_message(page: Page, labels: Labels, store: UpstashSessionStore) -> None:
    before = store.read("a")
    found = page.ask("label", **page.message("a", 1), star=True, add=["wrong"], note="No.")["label"]
    assert {"star": True, "tags": ["wrong"], "note": "No.", "author": "ann"}.items() <= found.items()
    of_session = labels.of_session("a", parse_all(store.read("a")))
    assert list(of_session.messages) == [1]
    assert store.read("a") == before


def test_a_row_has_its_label_and_the_others_have_none(page: Page) -> None:
    page.ask("label", **page.message("a", 1), add=["rude"])
    labelled = [row.get("label") for row in page.rows("a")]
    assert (labelled[0], labelled[2]) == (None, None)
    assert labelled[1]["tags"] == ["rude"]


def test_a_label_is_removed_again(page: Page) -> None:
    page.ask("label", **page.message("a", 1), star=True, add=["rude"], note="x")
    left = page.ask("label", **page.message("a", 1), star=False, remove=["rude"], note="")
    assert left["label"] is None


def test_a_session_is_labelled_and_the_list_says_so(page: Page) -> None:
    page.ask("label_session", session_id="b", star=True)
    page.ask("label", **page.message("a", 0), star=True)
    rows = {row["session_id"]: row for row in page.ask("sessions")["rows"]}
    assert rows["b"]["label"]["star"] is True
    assert (rows["a"].get("label"), rows["a"]["labelled"]) == (None, 1)


@pytest.mark.parametrize(
    ("wanted", "sessions"),
    [("", ["a", "b"]), ("*", ["a", "b"]), ("star", ["b"]), ("tag:wrong", ["a"]), ("note", []), ("tag:x", [])],
)
def test_the_list_is_filtered_by_label(page: Page, wanted: str, sessions: list[str]) -> None:
    page.ask("label", **page.message("a", 1), add=["wrong"])
    page.ask("label_session", session_id="b", star=True)
    found = page.ask("sessions", label=wanted, sort="id")
    assert [row["session_id"] for row in found["rows"]] == sessions


def test_the_search_and_what_is_made_of_it_keep_to_the_label(page: Page) -> None:
    page.ask("label", **page.message("a", 0), add=["wrong"])
    hits = page.ask("find", scope="all", text="hi", label="tag:wrong")["hits"]
    assert [(hit["session_id"], hit["index"]) for hit in hits] == [("a", 0)]
    frame = page.browser.to_dataframe(hits=True)
    assert frame[["session_id", "index"]].to_numpy().tolist() == [["a", 0]]
    assert "label='tag:wrong'" in page.browser.code
    assert len(page.browser.find("hi", label="tag:wrong", everywhere=True)) == 1


def test_equal_messages_without_ids_are_told_apart(
    page: Page, labels: Labels, store: UpstashSessionStore
) -> None:
    store.append("equal", [EQUAL, EQUAL, EQUAL])
    page.ask("label", **page.message("equal", 1), star=True)
    assert list(labels.of_session("equal", parse_all(store.read("equal"))).messages) == [1]
    assert [bool(row.get("label")) for row in page.rows("equal")] == [False, True, False]


def test_what_another_notebook_labels_is_seen(page: Page, labels: Labels, store: UpstashSessionStore) -> None:
    page.rows("a")
    Labels(labels.path, author="bob").set("a", parse_all(store.read("a"))[2], star=True)
    assert page.rows("a")[2]["label"]["author"] == "bob"


def test_a_page_at_rest_is_told_what_another_notebook_labels(
    page: Page, labels: Labels, store: UpstashSessionStore
) -> None:
    page.rows("a")
    Labels(labels.path, author="bob", tags=["wrong", "kind"]).set("a", add=["kind"])
    page.event(event="changed", what="labels")
    assert page.ask("window", **page.open("a"), start=0, stop=1)["label"]["tags"] == ["kind"]
    assert [tag["name"] for tag in page.ask("sessions")["tags"]] == ["wrong", "rude", "kind"]


def test_the_labels_of_a_file_can_be_filtered_by(
    store: UpstashSessionStore, labels: Labels, tmp_path: Path
) -> None:
    export(store, tmp_path / "plain.jsonl", progress=False)
    labels.set("b", add=["rude"])
    export(store, tmp_path / "labelled.jsonl", labels=labels, progress=False)
    with kept_comms():
        for name, tags, shown in (("labelled", ["rude"], ["b"]), ("plain", None, [])):
            browser = HistoryBrowser(tmp_path / f"{name}.jsonl")
            page = Page(browser)
            found = page.ask("sessions", label="*")
            assert [row["session_id"] for row in found["rows"]] == shown
            assert (found.get("tags") and [tag["name"] for tag in found["tags"]]) == tags
            assert page.ask("hello")["palette"] is None  # they cannot be set
            browser.close()


def test_a_tag_outside_the_palette_is_refused(page: Page) -> None:
    assert "No such tags" in page.refused("label", **page.message("a", 1), add=["nonsense"]).message
    assert page.ask("hello")["palette"] == [
        {"name": "wrong", "colour": "#c00"},
        {"name": "rude", "colour": ""},
    ]


def test_a_message_that_was_replaced_meanwhile_is_not_labelled(
    page: Page, labels: Labels, store: UpstashSessionStore
) -> None:
    meant = page.message("b", 0)
    store.replace("b", encode_all([HumanMessage("another")]))
    assert page.refused("label", **meant, star=True).type in ("changed", "stale")
    assert not list(labels)


def test_a_browser_takes_labels_and_nothing_else(store: UpstashSessionStore, labels: Labels) -> None:
    with kept_comms():
        with pytest.raises(InvalidInputError, match=r"labels must be Labels\(path\)"):
            HistoryBrowser(store, labels="labels.jsonl")
        browser = HistoryBrowser(store, labels=labels)
        assert browser.labels is labels
        browser.close()


def test_labels_of_messages_that_are_gone_are_listed_as_such(
    page: Page, labels: Labels, store: UpstashSessionStore
) -> None:
    page.ask("label", **page.message("a", 0), star=True)
    page.ask("label", **page.message("a", 2), add=["rude"], note="why")
    page.ask("label_session", session_id="a", star=True)
    store.remove("a", 2, store.read("a")[2])
    found = page.ask("session_labels", **page.open("a"))
    assert found["label"]["star"] is True
    assert [(one["index"], one["was"], one["label"]["note"]) for one in found["messages"]] == [
        (0, 0, ""),
        (None, 2, "why"),
    ]
    assert page.ask("session_labels", **page.open("b"))["messages"] == []


def test_every_view_is_told_of_a_label(page: Page) -> None:
    message = page.message("a", 1)
    page.ask("label", **message, add=["wrong"])
    event = page.event(event="changed", what="label")
    assert (event["session"], event["index"], event["identity"]) == ("a", 1, message["identity"])
    assert event["label"]["tags"] == ["wrong"]
    page.forget()
    page.ask("label_session", session_id="b", star=True)
    assert page.event(event="changed", what="label")["index"] is None
