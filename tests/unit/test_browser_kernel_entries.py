"""Records as entries of the transcript: every provider's shape, and what fits none."""

from __future__ import annotations

import base64
import json
import sys
from types import FrameType
from typing import Any

import pytest

from chatmem_nb.records import StoredMessage, parse, parse_all
from chatmem_nb.widgets.entries import entry, words_html
from chatmem_nb.widgets.message_parts import read_content
from chatmem_nb.widgets.reading import identity_of
from chatmem_nb.widgets.rows import ROW_BUDGET, entries_of, rows_of, size_of

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"x" * 100).decode()


def stored(kind: str, index: int = 0, **data: Any) -> StoredMessage:
    return parse(json.dumps({"type": kind, "data": {"content": "", **data}}), index)


def block_of(content: Any) -> dict[str, Any]:
    [block] = entry(stored("human", content=[content]))["blocks"]
    return dict(block)


@pytest.mark.parametrize(
    ("record", "role"),
    [
        (stored("human"), "human"),
        (stored("HumanMessageChunk"), "human"),
        (stored("ai"), "ai"),
        (stored("AIMessageChunk"), "ai"),
        (stored("system"), "system"),
        (stored("system", additional_kwargs={"__openai_role__": "developer"}), "system"),
        (stored("tool", tool_call_id="x"), "tool"),
        (stored("function", name="f"), "tool"),
        (stored("chat", role="user"), "human"),
        (stored("chat", role="assistant"), "ai"),
        (stored("chat", role="narrator"), "other"),
        (stored("remove", id="x"), "other"),
        (parse("nothing"), "other"),
        (parse("[]"), "other"),
        (parse('{"type": "unknown", "data": {}}'), "other"),
    ],
)
def test_each_record_has_a_role_and_no_empty_field(record: StoredMessage, role: str) -> None:
    row = entry(record)
    assert row["role"] == role
    assert [name for name, value in row.items() if value in (None, "", [])] == []


def test_the_facts_beside_the_words_are_there() -> None:
    row = entry(
        stored(
            "ai",
            content="x",
            id="run-1",
            name="bot",
            usage_metadata={"input_tokens": 3, "output_tokens": 4, "total_tokens": 7},
            response_metadata={"model_name": "gpt-4.1", "finish_reason": "stop"},
        )
    )
    assert (row["name"], row["model"], row["finish_reason"]) == ("bot", "gpt-4.1", "stop")
    assert row["tokens"] == {"input": 3, "output": 4, "total": 7}


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ({"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}, "openai chat"),
        ({"type": "input_image", "image_url": f"data:image/png;base64,{PNG}"}, "openai responses"),
        ({"type": "image_generation_call", "result": PNG}, "openai generated"),
        (
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
            "anthropic",
        ),
        ({"type": "image", "base64": PNG, "mime_type": "image/png"}, "langchain v1"),
        ({"type": "image", "source_type": "base64", "data": PNG, "mime_type": "image/png"}, "langchain v0"),
        ({"type": "media", "mime_type": "image/png", "data": PNG}, "google"),
        (
            {"type": "non_standard", "value": {"type": "image", "base64": PNG, "mime_type": "image/png"}},
            "wrapped",
        ),
    ],
)
def test_a_picture_in_the_message_is_shown_when_asked_for(content: Any, kind: str) -> None:
    block = block_of(content)
    assert (block["kind"], block["showable"], "html" in block) == ("image", True, False)
    assert block["bytes"] == 108
    assert PNG not in json.dumps(block)
    [part] = read_content(StoredMessage(0, "", "human", {"content": [content]})).parts
    assert part.data_url() == f"data:image/png;base64,{PNG}"


@pytest.mark.parametrize(
    "content",
    [
        {"type": "image_url", "image_url": {"url": "https://example.com/x.png"}},
        {"type": "image_url", "image_url": "https://example.com/x.png"},
        {"type": "image", "url": "https://example.com/x.png"},
        {"type": "image", "source": {"type": "url", "url": "https://example.com/x.png"}},
        {"type": "image", "base64": PNG, "mime_type": "image/svg+xml"},
        {"type": "image", "base64": PNG, "mime_type": "text/html"},
        {"type": "image_url", "image_url": {"url": "data:image/svg+xml;base64,PHN2Zz4="}},
        {"type": "image_url", "image_url": {"url": "data:image/png,notbase64"}},
        {"type": "image_url", "image_url": {"url": "data:text/html;base64,PHN2Zz4="}},
        {"type": "image", "base64": "A" * 8_000_000, "mime_type": "image/png"},
        {"type": "image", "base64": "!?", "mime_type": 'image/png"onerror="x'},
        {"type": "image", "file_id": "file-1"},
        {"type": "image"},
        {"type": "image_url"},
        {"type": "image_url", "image_url": {"url": 5}},
    ],
)
def test_no_other_picture_is_shown_or_fetched(content: Any) -> None:
    [part] = read_content(StoredMessage(0, "", "human", {"content": [content]})).parts
    assert part.data_url() is None
    shown = part.shown(4_000)
    assert shown["kind"] == "image"
    assert "showable" not in shown


def test_a_remote_picture_is_named_by_its_address() -> None:
    block = block_of({"type": "image", "url": "https://example.com/x.png"})
    assert "https://example.com/x.png" in block["label"]


@pytest.mark.parametrize(
    "content",
    [
        {"type": "thinking", "thinking": "I *think*", "signature": "s"},
        {"type": "reasoning", "reasoning": "I *think*"},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "I *think*"}]},
        {"type": "reasoning_content", "reasoning_content": {"text": "I *think*"}},
    ],
)
def test_reasoning_is_a_block_of_its_own(content: Any) -> None:
    block = block_of(content)
    assert (block["kind"], block["html"]) == ("reasoning", "<p>I <em>think</em></p>\n")


def test_reasoning_beside_the_content_comes_first() -> None:
    row = entry(stored("ai", content="x", additional_kwargs={"reasoning_content": "because"}))
    assert row["blocks"][0]["kind"] == "reasoning"
    assert "because" in row["blocks"][0]["html"]
    hidden = block_of({"type": "redacted_thinking", "data": "abc"})
    assert "keeps to itself" in hidden["label"]


PDF = f"data:application/pdf;base64,{PNG}"


@pytest.mark.parametrize(
    ("content", "kind", "label"),
    [
        ({"type": "input_audio", "input_audio": {"data": PNG, "format": "wav"}}, "audio", "audio/wav"),
        ({"type": "file", "file": {"filename": "a.pdf", "file_data": PDF}}, "file", "a.pdf"),
        ({"type": "document", "source": {"type": "text", "data": "words"}, "title": "T"}, "file", "T"),
        ({"type": "video", "url": "https://example.com/v.mp4"}, "file", "v.mp4"),
        ({"type": "server_tool_result", "output": 5}, "other", "server_tool_result"),
        ({"type": "something new", "x": 1}, "other", "something new"),
        ({"x": 1}, "other", "without a type"),
    ],
)
def test_files_and_unknown_blocks_are_labelled(content: Any, kind: str, label: str) -> None:
    block = block_of(content)
    assert block["kind"] == kind
    assert label in block["label"]
    assert "showable" not in block


def test_texts_cut_in_pieces_are_one_text_and_those_apart_are_paragraphs() -> None:
    cut = [{"type": "text", "text": "one "}, "sentence", {"type": "output_text", "text": "."}]
    assert entry(stored("ai", content=cut))["html"] == "<p>one sentence.</p>\n"
    apart = [{"type": "text", "text": "one"}, {"type": "image", "url": "x"}, {"type": "text", "text": "two"}]
    assert entry(stored("ai", content=apart))["html"] == "<p>one</p>\n<p>two</p>\n"
    refused = entry(stored("ai", content=[{"type": "refusal", "refusal": "no"}]))
    assert refused["html"] == "<p><em>(refused)</em> no</p>\n"


LANGCHAIN = {"tool_calls": [{"name": "f", "args": {"a": 1}, "id": "c"}]}
FUNCTION = {"id": "c", "function": {"name": "f", "arguments": '{"a": 1}'}, "type": "function"}
OPENAI = {"additional_kwargs": {"tool_calls": [FUNCTION]}}
ANTHROPIC = {"content": [{"type": "tool_use", "id": "c", "name": "f", "input": {"a": 1}}]}
RESPONSES = {
    "content": [{"type": "function_call", "call_id": "c", "id": "fc", "name": "f", "arguments": '{"a": 1}'}]
}
V1 = {"content": [{"type": "tool_call", "id": "c", "name": "f", "args": {"a": 1}}]}


@pytest.mark.parametrize("data", [LANGCHAIN, OPENAI, ANTHROPIC, RESPONSES, V1, {**LANGCHAIN, **ANTHROPIC}])
def test_tool_calls_of_every_shape_are_paired_with_their_result(data: dict[str, Any]) -> None:
    records = [stored("ai", **data), stored("tool", 1, tool_call_id="c", content="r", status="error")]
    row, answer = entries_of(records)
    [call] = row["tool_calls"]
    assert (call["name"], call["line"], "args" in call) == ("f", "a=1", False)
    assert call["result"] == {"index": 1, "failure": "status", "text": "r"}
    assert answer["answers"] == {"name": "f", "index": 0}
    assert "html" not in answer, "it stands with the call"
    assert "blocks" not in row


def test_calls_that_could_not_be_read_say_so() -> None:
    data = {"invalid_tool_calls": [{"name": "f", "args": "{oops", "id": "c", "error": None}]}
    [call] = entry(stored("ai", **data))["tool_calls"]
    assert (call["line"], call["error"]) == ("{oops", "its arguments are not a JSON object")
    function = {"additional_kwargs": {"function_call": {"name": "old", "arguments": "{}"}}}
    [call] = entry(stored("ai", **function))["tool_calls"]
    assert call == {"name": "old"}


@pytest.mark.parametrize(
    "data",
    [
        {"content": [[1]]},
        {"content": [{"type": {"a": 1}}]},
        {"content": [{"type": "text", "text": 5}]},
        {"content": [{"type": "image_url", "image_url": []}]},
        {"tool_calls": [{"name": None, "args": None}]},
        {"tool_calls": "x"},
        {"additional_kwargs": {"tool_calls": [5, {"function": 7}]}},
        {"additional_kwargs": "x", "response_metadata": [], "usage_metadata": 5},
        {"response_metadata": {"model_name": {"a": 1}}, "name": ["x"], "id": 5},
        {"usage_metadata": {"input_tokens": "many", "total_tokens": 10**30}},
        {"content": 1.5},
        {"content": None},
    ],
)
def test_a_shape_that_fits_nothing_is_shown_all_the_same(data: dict[str, Any]) -> None:
    record = StoredMessage(0, "{}", "ai", data)  # as if it had been taken for readable
    row = entry(record)
    assert row["role"] == "ai"
    json.dumps(row)


def test_json_that_a_tool_returned_is_shown_as_json_and_not_as_markdown() -> None:
    def shown(text: str) -> str:
        return str(entry(stored("tool", content=text, tool_call_id="c"), text_clip=200)["html"])

    block = '<pre class="cm-code" data-lang="json"><code>'
    assert shown('{"a_b_c": "*x*"}') == block + '{\n  "a_b_c": "*x*"\n}</code></pre>\n'
    assert shown("[broken *x*").startswith(block + "[broken *x*")
    assert shown(json.dumps([{"name": "x"}] * 100)).startswith(block + "[\n  {\n")
    assert shown("*plain*") == "<p><em>plain</em></p>\n"


def test_a_record_that_cannot_be_read_is_shown_with_its_reason_and_its_text() -> None:
    row = entry(parse("<script>" + "x" * 10_000, 7))
    assert row["error"].startswith("not JSON")
    assert row["raw"].startswith("<script>xxx")
    assert len(row["raw"]) == 2_000
    assert (row["clipped"], row["index"]) == (10_008, 7)


def test_an_entry_stays_small_whatever_the_message_is() -> None:
    calls = [
        {"name": "n" * 500, "args": {"k" * 500: "v" * 1_500}, "id": f"{number}" * 200}
        for number in range(2_000)
    ]
    row = entry(stored("ai", content="x" * 1_000_000, tool_calls=calls, name="n" * 10_000, id="i" * 10_000))
    assert row["tool_calls_total"] == 2_000
    assert size_of(row) < 90_000
    [small] = rows_of([stored("ai", content="x" * 1_000_000, tool_calls=calls)])
    assert size_of(small) < 25 * ROW_BUDGET


def test_rows_keep_to_their_budget_together() -> None:
    long_text = "**wide** " * 1_000
    calls = [{"name": "f", "args": {"text": long_text}, "id": f"c{number}"} for number in range(30)]
    records = [stored("ai", index, content=long_text, tool_calls=calls) for index in range(25)]
    rows = rows_of(records)
    assert sum(map(size_of, rows)) < 25 * 4_000 * 4, "little more than the texts that are never cut"
    short = parse_all([stored("human", content="short").raw] * 24 + [stored("human", content=long_text).raw])
    assert len(rows_of(short)[-1]["html"]) > 4_000, "one long message among short ones keeps its length"


def test_a_text_is_rendered_once_however_many_calls_are_cut_away() -> None:
    rendered = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal rendered
        rendered += event == "call" and frame.f_code is words_html.__code__

    calls = [{"name": "f", "args": {"text": "x" * 4_000}, "id": f"c{number}"} for number in range(30)]
    records = [stored("ai", index, content=f"**wide** {index}", tool_calls=calls) for index in range(5)]
    sys.setprofile(count)
    try:
        rows_of(records)
    finally:
        sys.setprofile(None)
    assert rendered == 5


def test_a_duplicated_call_id_takes_the_result_that_is_near() -> None:
    records = [
        stored("ai", 0, **LANGCHAIN),
        stored("tool", 1, tool_call_id="c", content="first"),
        stored("ai", 2, **LANGCHAIN),
        stored("tool", 3, tool_call_id="c", content="second"),
    ]
    rows = entries_of(records)
    assert [rows[index]["tool_calls"][0]["result"]["index"] for index in (0, 2)] == [1, 3]
    assert [rows[index]["answers"]["index"] for index in (1, 3)] == [0, 2]


@pytest.mark.parametrize(("role", "length"), [("ai", 4_000), ("human", 4_000), ("system", 2_000)])
def test_a_short_text_is_never_cut_and_the_longest_gives_way_first(role: str, length: int) -> None:
    texts = ["w" * length] * 24 + ["x" * 30_000]
    rows = rows_of([stored(role, index, content=text) for index, text in enumerate(texts)])
    assert [row for row in rows[:-1] if "clipped" in row] == []
    assert rows[-1]["clipped"] == 30_000
    assert len(rows[-1]["html"]) >= length


def test_a_long_text_is_whole_where_there_is_room() -> None:
    rows = rows_of([stored("ai", 0, content="x" * 15_000), stored("human", 1, content="short")])
    assert [row for row in rows if "clipped" in row] == []


def test_reasoning_and_results_are_not_cut_under_2000_characters() -> None:
    thought = [{"type": "reasoning", "reasoning": "r" * 2_000}, {"type": "text", "text": "t" * 4_000}]
    records: list[StoredMessage] = []
    for index in range(0, 24, 2):
        call = {"name": "f", "args": {}, "id": f"c{index}"}
        records.append(stored("ai", index, content=thought, tool_calls=[call]))
        records.append(stored("tool", index + 1, tool_call_id=f"c{index}", content="y" * 2_000))
    for row in rows_of(records)[::2]:
        assert "clipped" not in row
        assert "r" * 2_000 in row["blocks"][0]["html"]
        assert row["tool_calls"][0]["result"]["text"] == "y" * 2_000


def test_a_result_that_was_cut_names_the_record_that_holds_it_whole() -> None:
    call = {"name": "f", "args": {}, "id": "c"}
    long = stored("tool", 1, tool_call_id="c", content="y" * 30_000)
    rows = rows_of([stored("ai", 0, tool_calls=[call]), long])
    result = rows[0]["tool_calls"][0]["result"]
    assert (result["clipped"], result["identity"]) == (30_000, identity_of(long))


@pytest.mark.parametrize(
    ("text", "status", "failure"),
    [
        ("Error: no such flight", "success", "text"),
        ("declined", "error", "status"),
        ("SK 1461", "success", None),
    ],
)
def test_a_result_that_failed_or_looks_so_says_it(text: str, status: str, failure: str | None) -> None:
    call = {"name": "f", "args": {}, "id": "c"}
    answer = stored("tool", 1, tool_call_id="c", content=text, status=status)
    row, _ = entries_of([stored("ai", 0, tool_calls=[call]), answer])
    assert row["tool_calls"][0]["result"].get("failure") == failure
    assert entry(answer).get("failure") == failure


def test_the_arguments_of_a_call_are_one_line() -> None:
    args = {"origin": "SFO", "destination": "JFK", "n": 12345678901234567890, "list": [1, {"a": None}]}
    [call] = entry(stored("ai", tool_calls=[{"name": "search", "args": args, "id": "c"}]))["tool_calls"]
    assert call == {
        "name": "search",
        "line": 'origin="SFO", destination="JFK", n=12345678901234567890, list=[1,{"a":null}]',
    }
    [long] = entry(stored("ai", tool_calls=[{"name": "f", "args": {"x": "y" * 900}, "id": "c"}]))[
        "tool_calls"
    ]
    assert long["line"].endswith("…")
    assert json.loads(long["args"]) == {"x": "y" * 900}
