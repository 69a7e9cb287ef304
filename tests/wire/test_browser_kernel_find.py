"""Searching messages, the equivalent Python code, and exporting the results."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

from chatmem_nb import HistoryBrowser, InvalidInputError, to_dataframe
from chatmem_nb.records import encode, encode_all
from chatmem_nb.stores.protocol import SessionStore
from chatmem_nb.widgets import export
from chatmem_nb.widgets.file_formats import FILE_FORMATS
from tests.conversations import generated
from tests.wire.browser_page import Page, Refused

CALL = {"name": "look_up", "args": {"city": "Straße", "quote": 'say "hi"'}, "id": "c1"}
# What is refused before anything is sent does not depend on the service.
ONE_SERVICE = pytest.mark.parametrize("server", ["upstash"], indirect=True)

TALK = [
    *encode_all(
        [
            SystemMessage("You are kind."),
            HumanMessage("Where is the STRASSE?"),
            AIMessage("", tool_calls=[CALL], response_metadata={"model_name": "gpt-4.1"}),
            ToolMessage("not found", tool_call_id="c1", name="look_up", status="error"),
            AIMessage([{"type": "text", "text": "Nowhere."}], response_metadata={"model": "claude-x"}),
        ]
    ),
    "broken nowhere {",
    '{"type": "chat", "data": {"content": "I narrate.", "role": "narrator"}}',
]

CONVERSATION = TALK[:5]


FILTERS: list[tuple[dict[str, Any], list[int]]] = [
    ({"text": "strasse"}, [1, 2]),
    ({"text": "NOWHERE"}, [4, 5]),
    ({"text": 'say \\"hi\\"'}, [2]),
    ({"text": "o", "role": "ai"}, [2, 4]),
    ({"role": "human"}, [1]),
    ({"role": "tool"}, [3]),
    ({"role": "system"}, [0]),
    ({"role": "not system"}, [1, 2, 3, 4, 5, 6]),
    ({"text": "n", "role": "not system"}, [2, 3, 4, 5, 6]),
    ({"role": "other"}, [5, 6]),
    ({"tool": "look"}, [2, 3]),
    ({"tool": "Straße"}, []),
    ({"model": "GPT"}, [2]),
    ({"errors_only": True}, [3, 5]),
    ({"errors_only": True, "role": "tool"}, [3]),
    ({}, [0, 1, 2, 3, 4, 5, 6]),
    ({"text": "no such words"}, []),
]


@ONE_SERVICE
def test_words_are_found_wherever_the_transcript_shows_them(
    browser: HistoryBrowser, store: SessionStore
) -> None:
    query = {"query": "a zebra"}
    talk = [
        AIMessage(
            "", invalid_tool_calls=[{"name": "a", "args": '{"q": "zebra', "id": "1", "error": "no JSON"}]
        ),
        AIMessage([{"type": "server_tool_use", "id": "2", "name": "web_search", "input": query}]),
        AIMessage("", additional_kwargs={"function_call": {"name": "b", "arguments": '{"q": "zebra"}'}}),
        AIMessage([{"type": "thinking", "thinking": "Is it a zebra?", "signature": "s"}]),
        AIMessage("", additional_kwargs={"reasoning_content": "A zebra, then."}),
        AIMessage([{"type": "text", "text": "No animal."}], additional_kwargs={"refusal": None}),
    ]
    store.append("a", encode_all(talk))
    assert [hit.index for hit in browser.find("zebra", everywhere=True)] == [0, 1, 2, 3, 4]


@ONE_SERVICE
def test_a_tool_is_found_by_its_name_however_it_was_called(
    browser: HistoryBrowser, store: SessionStore
) -> None:
    calls = [
        AIMessage("", tool_calls=[{"name": "rename", "args": {"name": "search"}, "id": "1"}]),
        AIMessage("", tool_calls=[{"name": 'say "it" twice', "args": {}, "id": "2"}]),
        AIMessage("", invalid_tool_calls=[{"name": "look_up", "args": "{", "id": "3", "error": "no JSON"}]),
        AIMessage([{"type": "server_tool_use", "id": "4", "name": "web_search", "input": {}}]),
        AIMessage("", additional_kwargs={"function_call": {"name": "look_out", "arguments": "{}"}}),
    ]
    store.append("a", encode_all(calls))
    found = {
        tool: [hit.index for hit in browser.find(tool=tool, everywhere=True)]
        for tool in ("search", "rename", "TWICE", "look")
    }
    assert found == {"search": [3], "rename": [0], "TWICE": [1], "look": [2, 4]}


@pytest.mark.parametrize(("wanted", "indexes"), FILTERS)
def test_what_fits_is_found_and_the_code_finds_the_same(
    browser: HistoryBrowser,
    page: Page,
    store: SessionStore,
    namespace: dict[str, Any],
    wanted: dict[str, Any],
    indexes: list[int],
) -> None:
    store.append("a", TALK)
    namespace["my_browser"] = browser
    answer = page.ask("find", scope="session", session_id="a", **wanted)
    assert [hit["index"] for hit in answer["hits"]] == indexes
    assert answer["count"] == len(indexes)
    assert answer["complete"] is True
    assert answer["scanned"] == {"sessions": 1, "messages": 7}
    code = page.ask("code", scope="hits")["code"]
    assert "my_browser.find(" in code
    assert browser.code == code
    exec(compile(code, "code", "exec"), namespace)
    assert list(namespace["df"]["index"]) == indexes


def test_all_sessions_are_searched_and_the_code_finds_the_same(
    page: Page, store: SessionStore, namespace: dict[str, Any]
) -> None:
    for conversation in generated(20):
        store.append(conversation.session_id, conversation.records)
    namespace["store"] = store
    answer = page.ask("find", scope="all", text="maple", role="human")
    found = {(hit["session_id"], hit["index"]) for hit in answer["hits"]}
    assert len(found) == answer["count"] > 5
    assert answer["scanned"]["sessions"] == 20
    code = page.ask("code", scope="hits")["code"]
    assert "browser = chatmem_nb.HistoryBrowser(store)" in code
    exec(compile(code, "code", "exec"), namespace)
    assert set(zip(namespace["df"]["session_id"], namespace["df"]["index"], strict=True)) == found
    assert all(hit["snippet"][slice(*hit["at"])].lower() == "maple" for hit in answer["hits"])


def test_more_hits_than_the_limit_are_counted(page: Page, store: SessionStore) -> None:
    store.append("a", [encode(HumanMessage(f"say {number}")) for number in range(50)])
    answer = page.ask("find", scope="session", session_id="a", text="say", limit=10)
    assert len(answer["hits"]) == 10
    assert (answer["count"], answer["complete"]) == (50, False)


def test_a_snippet_shows_the_match_in_its_place(page: Page, store: SessionStore) -> None:
    text = "a" * 500 + "\n<b>NEEDLE</b>\n" + "z" * 500
    store.append("a", encode_all([HumanMessage(text)]))
    [hit] = page.ask("find", scope="session", session_id="a", text="needle")["hits"]
    assert hit["snippet"][slice(*hit["at"])] == "NEEDLE"
    assert len(hit["snippet"]) < 250
    assert "\n" not in hit["snippet"]


def test_a_search_tells_of_its_progress_and_can_be_cancelled(
    page: Page, server: Any, store: SessionStore
) -> None:
    for number in range(40):
        store.append(f"s{number:02}", [encode(HumanMessage("x" * 100_000)) for _ in range(4)])
    server.latency = timedelta(milliseconds=300)
    rid = page.start("find", scope="all", text="x")
    assert page.event(event="progress", rid=rid)["view"] == page.view
    assert page.ask("cancel", rid=rid) == {"cancelled": True}
    with pytest.raises(Refused, match="cancelled"):
        page.reply(rid)
    assert page.ask("cancel", rid=rid) == {"cancelled": False}


def test_requests_get_responses_while_a_search_runs(page: Page, server: Any, store: SessionStore) -> None:
    store.append("a", TALK)
    server.latency = timedelta(seconds=10)
    rid = page.start("find", scope="all", text="x")
    page.ask("hello")
    page.ask("preview", text="*x*")
    assert page.ask("cancel", rid=rid) == {"cancelled": True}  # it was still running


def test_the_figures_of_a_session_are_counted(
    page: Page, browser: HistoryBrowser, store: SessionStore
) -> None:
    usage = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}
    store.append(
        "a",
        [*TALK, encode(AIMessage("x", usage_metadata=usage)), encode(AIMessage("y", usage_metadata=usage))],
    )
    stats = page.ask("stats", **page.open("a"))
    assert (stats["messages"], stats["turns"], stats["bad"], stats["partial"]) == (9, 1, 1, False)
    assert stats["tokens"] == {"input": 20, "output": 10, "total": 30}
    assert stats["tools"] == [{"name": "look_up", "calls": 1}]
    assert stats["first_time"] <= stats["last_time"]
    assert browser.stats()["tokens"] == stats["tokens"]


def test_the_figures_of_a_long_session_say_that_they_are_partial(page: Page, store: SessionStore) -> None:
    store.append("a", [encode(HumanMessage("x"))] * 2_500)
    at = page.open("a")
    stats = page.ask("stats", **at)
    assert (stats["messages"], stats["turns"], stats["scanned"], stats["partial"]) == (
        2_500,
        2_000,
        2_000,
        True,
    )
    stats = page.ask("stats", **at, all=True)
    assert (stats["turns"], stats["partial"]) == (2_500, False)
    before = store.commands.requests
    page.ask("append", session_id="a", role="human", content="y")
    assert page.ask("stats", **at, all=True)["turns"] == 2_501
    assert store.commands.requests <= before + 4


def test_ticked_sessions_are_the_selection_and_a_dataframe(
    browser: HistoryBrowser, page: Page, store: SessionStore
) -> None:
    for name in "abc":
        store.append(name, TALK[:2])
    assert page.ask("select", session_ids=["c", "a", "c"])["selected"] == 2
    assert browser.selection == ["c", "a"]
    assert list(browser.to_dataframe(selected=True)["session_id"]) == ["c", "c", "a", "a"]
    browser.selection = ["b"]
    assert page.event(event="changed", what="selection")["selection"] == ["b"]
    assert page.ask("hello")["selection"] == ["b"]
    with pytest.raises(InvalidInputError, match="list of session ids"):
        browser.selection = "b"


def test_the_open_session_is_a_dataframe_and_a_source(
    browser: HistoryBrowser, page: Page, store: SessionStore
) -> None:
    for refused in (browser.to_dataframe, browser.snapshot, lambda: browser.records, browser.stats):
        with pytest.raises(InvalidInputError, match="no session is open"):
            refused()
    store.append("a", TALK)
    page.open("a")
    expected = to_dataframe((store, ["a"]))
    pd.testing.assert_frame_equal(browser.to_dataframe(), expected)
    pd.testing.assert_frame_equal(to_dataframe(browser), expected)
    assert list(browser.to_dataframe(columns=["raw"])["raw"]) == TALK
    assert [record.raw for record in browser.records] == TALK


@pytest.mark.parametrize("scope", ["session", "selected", "all", "hits"])
def test_a_dataframe_comes_into_a_variable(
    page: Page, store: SessionStore, namespace: dict[str, Any], scope: str
) -> None:
    store.append("a", TALK)
    store.append("b", TALK[:1])
    page.open("a")
    page.ask("select", session_ids=["b"])
    page.ask("find", scope="all", text="kind")
    answer = page.ask("to_variable", name="df", scope=scope)
    assert answer == {
        "name": "df",
        "rows": {"session": 7, "selected": 1, "all": 8, "hits": 2}[scope],
        "spent": answer["spent"],
    }
    assert len(namespace["df"]) == answer["rows"]
    if scope == "session":
        pd.testing.assert_frame_equal(namespace["df"], to_dataframe((store, ["a"])))


@ONE_SERVICE
@pytest.mark.parametrize("scope", ["session", "hits", "selected"])
def test_what_leaves_is_redacted_where_that_is_wanted(
    page: Page, browser: HistoryBrowser, store: SessionStore, namespace: dict[str, Any], scope: str
) -> None:
    mail = "ann.bee@example.org"
    store.append("a", [*encode_all([HumanMessage(f"Write to {mail} please")]), "broken {"])
    namespace |= {"browser": browser, "store": store}
    page.open("a")
    page.ask("select", session_ids=["a"])
    page.ask("find", scope="session", session_id="a", text="write" if scope == "hits" else "")
    answer = page.ask("to_variable", name="safe", scope=scope, redact=True)
    assert answer["redacted"] == {"values": 1, "left_out": 0 if scope == "hits" else 1}
    assert mail not in namespace["safe"].to_csv()
    assert namespace["safe"].attrs["redaction"]["counts"] == {"email": 1}
    for form in ("jsonl", "csv", "markdown", "html", "openai"):
        [data] = page.ask("export", scope=scope, format=form, redact=True)["buffers"]
        assert mail.encode() not in data
        assert b"EMAIL" in data
    code = page.ask("code", scope=scope, redact=True)["code"]
    exec(compile(code, "code", "exec"), namespace)
    assert list(namespace["df"]["content"]) == list(namespace["safe"]["content"])
    assert mail in page.ask("export", scope=scope, format="jsonl")["buffers"][0].decode()


@ONE_SERVICE
@pytest.mark.parametrize(
    "name", ["", "1a", "a b", "class", "None", "a;b", "__builtins__", "print", "a.b", "é ", "x" * 300]
)
def test_a_name_that_is_no_variable_is_refused(
    page: Page, store: SessionStore, namespace: dict[str, Any], name: str
) -> None:
    store.append("a", TALK)
    page.open("a")
    if name.strip().isidentifier() and name == "é ":
        assert page.ask("to_variable", name=name)["name"] == "é"
        return
    assert page.refused("to_variable", name=name, scope="session").field == "name"
    assert namespace == {}


def test_a_variable_is_overwritten_only_when_that_is_wanted(
    page: Page, store: SessionStore, namespace: dict[str, Any]
) -> None:
    store.append("a", TALK)
    page.open("a")
    namespace["df"] = "precious"
    assert page.refused("to_variable", name="df", scope="session").type == "exists"
    assert namespace["df"] == "precious"
    page.ask("to_variable", name="df", scope="session", overwrite=True)
    assert len(namespace["df"]) == 7


def test_the_code_shown_is_that_of_the_scope(
    page: Page, store: SessionStore, namespace: dict[str, Any]
) -> None:
    store.append("a", TALK)
    store.append("b", TALK[:1])
    namespace["store"] = store
    page.open("a")
    page.ask("select", session_ids=["b"])
    page.ask("find", scope="all", text="kind")
    for scope, rows in {"session": 7, "selected": 1, "all": 8, "hits": 2}.items():
        exec(compile(page.ask("code", scope=scope)["code"], "code", "exec"), namespace)
        assert len(namespace["df"]) == rows, scope


@pytest.mark.parametrize("form", list(FILE_FORMATS))
def test_a_download_is_the_file_that_its_code_writes(
    page: Page,
    store: SessionStore,
    namespace: dict[str, Any],
    form: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    store.append("talk/one: 1", CONVERSATION)
    namespace["store"] = store
    page.open("talk/one: 1")
    answer = page.ask("export", scope="session", format=form)
    [data] = answer["buffers"]
    suffix = FILE_FORMATS[form].suffix
    assert answer["filename"] == f"talk-one-1{suffix}"
    assert answer["bytes"] == len(data)
    exec(compile(page.ask("code", scope="session", format=form)["code"], "code", "exec"), namespace)
    written = (tmp_path / answer["filename"]).read_bytes()
    if suffix.endswith(".parquet"):
        a, b = (pd.read_parquet(io.BytesIO(file)) for file in (data, written))
        pd.testing.assert_frame_equal(a, b)
    else:
        assert data == written


@ONE_SERVICE
@pytest.mark.parametrize("form", ["jsonl.gz", "csv", "huggingface"])
def test_the_code_of_a_search_writes_the_file_of_its_matches(
    page: Page,
    browser: HistoryBrowser,
    store: SessionStore,
    namespace: dict[str, Any],
    form: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    mail = "ann.bee@example.org"
    store.append("a", encode_all([HumanMessage(f"Write to {mail}"), AIMessage("I cannot write to her.")]))
    store.append("b", CONVERSATION)
    namespace |= {"browser": browser, "store": store}
    page.ask("find", scope="all", text="write")
    answer = page.ask("export", scope="hits", format=form, redact=True)
    code = page.ask("code", scope="hits", format=form, redact=True)["code"]
    exec(compile(code, "code", "exec"), namespace)
    paths = [tmp_path / "page" / answer["filename"], tmp_path / answer["filename"]]
    paths[0].parent.mkdir()
    paths[0].write_bytes(answer["buffers"][0])
    frames = [to_dataframe(path) for path in paths]
    assert (
        list(frames[0]["content"])
        == list(frames[1]["content"])
        == ["Write to [EMAIL]", "I cannot write to her."]
    )


@ONE_SERVICE
def test_what_a_format_cannot_hold_is_said(page: Page, store: SessionStore) -> None:
    store.append("asked", encode_all([HumanMessage("Where is it?")]))
    store.append("answered", CONVERSATION)
    left_out = page.ask("export", scope="all", format="finetuning")["left_out"]
    assert left_out == "Left out: 1 session. asked: it has no message of the assistant to learn from"
    page.open("asked")
    error = page.refused("export", scope="session", format="finetuning")
    assert error.message.startswith("OpenAI fine-tuning can hold none of these sessions. Left out: 1 session")


def test_a_download_above_the_limit_says_how_python_does_it(
    page: Page,
    store: SessionStore,
    namespace: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    store.append("a", TALK)
    page.open("a")
    monkeypatch.setattr(export, "DOWNLOAD_LIMIT", 1_000)
    error = page.refused("export", scope="session", format="jsonl")
    assert error.type == "too_large"
    namespace["store"] = store
    code = page.refused("export", scope="session", format="jsonl").message.partition("\n\n")[2]
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "code", "exec"), namespace)
    assert len((tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines()) == 7


@pytest.mark.parametrize(
    ("method", "scope", "hint"),
    [
        ("export", "session", "Open"),
        ("export", "selected", "Select"),
        ("to_variable", "hits", "searched"),
    ],
)
def test_nothing_to_take_is_said(page: Page, method: str, scope: str, hint: str) -> None:
    error = page.refused(method, scope=scope, format="csv", name="x")
    assert hint in error.message
    assert error.field == "scope"


def test_python_finds_and_exports_as_the_page_does(
    browser: HistoryBrowser, page: Page, store: SessionStore, tmp_path: Path
) -> None:
    store.append("a", TALK)
    store.append("b", TALK[:1])
    browser.select("a")
    assert [hit.index for hit in browser.find("nowhere")] == [4, 5]
    assert {hit.session_id for hit in browser.find("kind", everywhere=True)} == {"a", "b"}
    assert [hit.role for hit in browser.hits] == ["system", "system"]
    with pytest.raises(InvalidInputError, match="role"):
        browser.find(role="robot")
    for word, other in (("human", "user"), ("ai", "assistant"), ("tool", "tool"), ("system", "developer")):
        assert [hit.index for hit in browser.find(role=word)] == [
            hit.index for hit in browser.find(role=other)
        ]
        assert browser.hits
    report = browser.export(tmp_path / "a.csv", progress=False)
    assert report.messages == 7


def test_the_code_of_what_is_shown_runs(
    browser: HistoryBrowser, store: SessionStore, namespace: dict[str, Any]
) -> None:
    store.append("a", TALK)
    store.append("b", TALK[:1])
    namespace["browser"] = browser
    for rows, step in ((8, None), (1, "b")):
        if step:
            browser.select(step)
        exec(compile(browser.code, "code", "exec"), namespace)
        assert len(namespace["df"]) == rows


def test_a_snapshot_is_safe_and_complete(browser: HistoryBrowser, store: SessionStore) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    call = {"name": hostile, "args": {hostile: hostile}, "id": hostile}
    store.append(
        hostile,
        [
            *encode_all(
                [
                    HumanMessage(hostile, name=hostile),
                    AIMessage("", tool_calls=[call]),
                    ToolMessage(hostile, tool_call_id=hostile),
                ]
            ),
            hostile,
        ],
    )
    browser.select(hostile)
    html = browser.snapshot()._repr_html_()
    assert "<img" not in html
    assert "&lt;img" in html
    assert "cannot be read" in html
    assert "the last 1 of them shown" in browser.snapshot(last=1).html
    assert hostile not in repr(browser.snapshot())
    with pytest.raises(InvalidInputError, match="number of messages"):
        browser.snapshot(last=0)


def test_a_preview_is_what_the_message_will_look_like(page: Page) -> None:
    assert page.ask("preview", text="**x** <b>")["html"] == "<p><strong>x</strong> &lt;b&gt;</p>\n"


def test_a_search_of_a_session_that_goes_away_is_no_error(page: Page, store: SessionStore) -> None:
    answer = page.ask("find", scope="session", session_id="nobody", text="x")
    assert (answer["hits"], answer["count"]) == ([], 0)
    assert json.dumps(answer)
