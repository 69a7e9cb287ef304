"""Formats that other programs read: OpenAI's fine-tuning, data sets of Hugging Face, OpenTelemetry.

Each is checked by a schema that states what its owner documents; the sources are named in the modules.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from chatmem_nb import ExportReport, FileSource, InvalidInputError, export
from chatmem_nb.records import encode_all, parse_all
from tests.odd_records import odd_records
from tests.plain_reader import PlainReader

CALLS = [
    {"name": "ferry", "args": {"to": "Wien", "n": 1, "tags": ["a"]}, "id": "c1"},
    {"name": "ferry", "args": {"to": None, "fast": True}, "id": "c2"},
]
IMAGE = {"type": "image_url", "image_url": {"url": "https://a.test/b.png"}}
INLINE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
AUDIO = {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}
TALK: list[BaseMessage] = [
    SystemMessage("Be brief.", additional_kwargs={"__openai_role__": "developer"}),
    HumanMessage("When? ⛴", name="ada"),
    AIMessage(
        [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "I look."}],
        tool_calls=CALLS,
        response_metadata={"finish_reason": "tool_calls", "model_name": "m-1"},
    ),
    ToolMessage("at nine", tool_call_id="c1"),
    ToolMessage("never", tool_call_id="c2", status="error"),
    AIMessage("At nine.", response_metadata={"stop_reason": "end_turn", "model": "m-2"}),
]
SESSIONS: dict[str, list[BaseMessage]] = {
    "whole": TALK,
    "unanswered": [*TALK, HumanMessage("And back?"), HumanMessage("Hello?")],
    "call last": TALK[:5],
    "image": [HumanMessage([{"type": "text", "text": "see"}, IMAGE, INLINE]), AIMessage("a ferry")],
    "audio": [HumanMessage([AUDIO]), AIMessage("a horn")],
    "no answer": [HumanMessage("hi")],
    "half": [HumanMessage("hi"), AIMessage("", tool_calls=CALLS[:1])],
    "silent": [HumanMessage("hi"), AIMessage("")],
    "judge": [ChatMessage("fair", role="judge"), AIMessage("thanks")],
    "odd name": [HumanMessage("hi"), AIMessage("", tool_calls=[{**CALLS[0], "name": "a b"}]), TALK[3]],
    "surrogate": [HumanMessage("half a face \ud83d"), AIMessage("sorry")],
}


def exported(path: Path, format: Any, sessions: dict[str, list[BaseMessage]] = SESSIONS) -> ExportReport:
    records = {name: encode_all(messages) for name, messages in sessions.items()}
    return export(PlainReader(records), path, format, progress=False)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def reasons(report: ExportReport) -> dict[str, tuple[int, str]]:
    frame = report.left_out
    return {row.session_id: (row.index, row.reason) for row in frame.itertuples(index=False)}


TEXT_OR_PARTS = {
    "anyOf": [
        {"type": "string"},
        {"type": "array", "items": {"properties": {"type": {"enum": ["text", "image_url", "refusal"]}}}},
    ]
}
FINE_TUNING = {
    "type": "object",
    "required": ["messages"],
    "additionalProperties": False,
    "properties": {
        "messages": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["role"],
                "additionalProperties": False,
                "properties": {
                    "role": {"enum": ["system", "user", "assistant", "tool", "function"]},
                    "content": TEXT_OR_PARTS,
                    "name": {"type": "string"},
                    "tool_call_id": {"type": "string"},
                    "tool_calls": {
                        "type": "array",
                        "minItems": 1,
                        "items": {
                            "required": ["id", "type", "function"],
                            "properties": {
                                "id": {"type": "string"},
                                "type": {"const": "function"},
                                "function": {
                                    "required": ["name", "arguments"],
                                    "properties": {
                                        "name": {"pattern": "^[a-zA-Z0-9_-]{1,64}$"},
                                        "arguments": {"type": "string"},
                                    },
                                },
                            },
                        },
                    },
                },
                "allOf": [
                    {
                        "if": {"properties": {"role": {"const": "tool"}}},
                        "then": {"required": ["content", "tool_call_id"]},
                    },
                    {
                        "if": {"properties": {"role": {"enum": ["system", "user"]}}},
                        "then": {"required": ["content"]},
                    },
                ],
            },
        },
        "tools": {
            "type": "array",
            "items": {
                "required": ["type", "function"],
                "properties": {
                    "type": {"const": "function"},
                    "function": {
                        "required": ["name"],
                        "properties": {
                            "parameters": {"$ref": "https://json-schema.org/draft/2020-12/schema"}
                        },
                    },
                },
            },
        },
    },
}


def validate(value: object, schema: dict[str, Any]) -> None:
    import jsonschema  # takes three seconds if the parsers of all its formats are installed

    jsonschema.Draft202012Validator(schema).validate(value)


@pytest.mark.slow
def test_a_fine_tuning_file_fits_its_schema_and_ends_with_the_assistant(tmp_path: Path) -> None:
    report = exported(tmp_path / "train.jsonl", "finetuning")
    written = lines(tmp_path / "train.jsonl")
    for line in written:
        validate(line, FINE_TUNING)
        assert line["messages"][-1]["role"] == "assistant"
    assert (report.sessions, report.messages) == (
        len(written),
        sum(len(line["messages"]) for line in written),
    )
    assert [message["role"] for message in written[0]["messages"]] == [
        "system", "user", "assistant", "tool", "tool", "assistant"
    ]  # fmt: skip
    assert "whole" not in (tmp_path / "train.jsonl").read_text()  # no session id


def test_a_fine_tuning_file_defines_the_tools_that_it_calls(tmp_path: Path) -> None:
    exported(tmp_path / "train.jsonl", "finetuning")
    properties = {
        "to": {"type": ["null", "string"]},
        "n": {"type": "integer"},
        "tags": {"type": "array", "items": {}},
        "fast": {"type": "boolean"},
    }
    parameters = {"type": "object", "properties": properties}
    whole, *_, surrogate = lines(tmp_path / "train.jsonl")
    assert whole["tools"] == [{"type": "function", "function": {"name": "ferry", "parameters": parameters}}]
    assert "tools" not in surrogate


def test_what_fine_tuning_leaves_out_is_named_with_the_reason(tmp_path: Path) -> None:
    report = exported(tmp_path / "train.jsonl", "finetuning")
    found = reasons(report)
    assert {name: index for name, (index, _) in found.items()} == {
        "unanswered": 6, "call last": 3, "audio": 0, "no answer": 0, "half": 1, "silent": 1, "judge": 0,
        "odd name": 1,
    }  # fmt: skip
    assert "follows the last message of the assistant" in found["unanswered"][1]
    assert "input_audio" in found["audio"][1]
    assert "no message of the assistant" in found["no answer"][1]
    assert "name of its tool" in found["odd name"][1]
    assert "8 sessions left out completely or in part" in str(report)
    again = ExportReport.load(saved(report, tmp_path))
    assert reasons(again) == found


def saved(report: ExportReport, folder: Path) -> Path:
    report.save(folder / "report.json")
    return folder / "report.json"


def test_a_data_set_has_the_columns_that_trainers_read(tmp_path: Path) -> None:
    report = exported(tmp_path / "train.parquet", "huggingface")
    table = pq.read_table(tmp_path / "train.parquet")
    kind = table.schema.field("messages").type
    assert (pa.types.is_list(kind), pa.types.is_struct(kind.value_type)) == (True, True)
    assert [kind.value_type.field(name).type for name in ("role", "content")] == [pa.string(), pa.string()]
    rows = table.to_pylist()
    assert (report.sessions, report.messages) == (len(rows), sum(len(row["messages"]) for row in rows))
    assert [row["session_id"] for row in rows] == [
        "whole", "unanswered", "call last", "no answer", "silent", "odd name", "surrogate"
    ]  # fmt: skip
    whole = rows[0]["messages"]
    assert [(message["role"], message["content"]) for message in whole] == [
        ("developer", "Be brief."),
        ("user", "When? ⛴"),
        ("assistant", "I look."),
        ("tool", "at nine"),
        ("tool", "never"),
        ("assistant", "At nine."),
    ]
    assert json.loads(whole[2]["tool_calls"][0]["function"]["arguments"]) == CALLS[0]["args"]
    assert json.loads(rows[0]["tools"])[0]["function"]["name"] == "ferry"
    assert reasons(report)["image"] == (0, "a column of text cannot hold content blocks of type image_url")


def test_a_data_set_is_read_again(tmp_path: Path) -> None:
    exported(tmp_path / "train.parquet", "huggingface", {"whole": TALK, "other": TALK[1:2]})
    source = FileSource(tmp_path / "train.parquet")
    assert list(source.session_ids()) == ["whole", "other"]
    messages = [record.message for record in parse_all(source.read("whole"))]
    assert [(message.type, message.text) for message in messages] == [
        (message.type, message.text) for message in TALK
    ]
    call, first, second = messages[2:5]
    assert isinstance(call, AIMessage)
    assert [{"name": c["name"], "args": c["args"], "id": c["id"]} for c in call.tool_calls] == CALLS
    assert [getattr(message, "tool_call_id", None) for message in (first, second)] == ["c1", "c2"]


@pytest.mark.slow
def test_a_large_data_set_is_written_in_parts(tmp_path: Path) -> None:
    exported(tmp_path / "train.parquet", "huggingface", {str(number): TALK[1:2] for number in range(2_500)})
    table = pq.read_table(tmp_path / "train.parquet")
    assert table["session_id"].to_pylist() == list(map(str, range(2_500)))


def part(kind: str, **properties: Any) -> dict[str, Any]:
    return {
        "properties": {"type": {"const": kind}, **properties},
        "required": ["type", *(name for name in properties if name != "id")],
    }


TEXT = {"type": "string"}
ID = {"type": ["string", "null"]}
PARTS = {
    "text": part("text", content=TEXT),
    "reasoning": part("reasoning", content=TEXT),
    "tool_call": part("tool_call", id=ID, name=TEXT),
    "tool_call_response": part("tool_call_response", id=ID, response={}),
    "server_tool_call": part("server_tool_call", id=ID, name=TEXT, server_tool_call={"required": ["type"]}),
    "server_tool_call_response": part(
        "server_tool_call_response", id=ID, server_tool_call_response={"required": ["type"]}
    ),
    "blob": part("blob", modality=TEXT, content=TEXT),
    "uri": part("uri", modality=TEXT, uri=TEXT),
    "file": part("file", modality=TEXT, file_id=TEXT),
}
GENERIC = {"properties": {"type": {"type": "string", "not": {"enum": list(PARTS)}}}, "required": ["type"]}
MESSAGE = {
    "type": "object",
    "required": ["role", "parts"],
    "properties": {
        "role": {"type": "string"},
        "name": ID,
        "parts": {"type": "array", "items": {"anyOf": [*PARTS.values(), GENERIC]}},
    },
}
OUTPUT = {**MESSAGE, "required": ["role", "parts", "finish_reason"]}
SERVER_TOOLS: list[BaseMessage] = [
    HumanMessage([IMAGE, INLINE, AUDIO, {"type": "file", "file": {"file_id": "f1"}}, "plain", {"odd": 1}]),
    AIMessage(
        [
            {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "ferry"}},
            {"type": "web_search_tool_result", "tool_use_id": "s1", "content": [{"title": "Ferries"}]},
            {"type": "tool_use", "id": "c1", "name": "ferry", "input": {}},
        ],
        tool_calls=[{"name": "ferry", "args": {}, "id": "c1"}],
    ),
]


@pytest.mark.slow
def test_opentelemetry_messages_fit_their_schemas(tmp_path: Path) -> None:
    sessions = {**SESSIONS, "server": SERVER_TOOLS}
    report = exported(tmp_path / "talks.jsonl", "opentelemetry", sessions)
    written = lines(tmp_path / "talks.jsonl")
    for line, (name, messages) in zip(written, sessions.items(), strict=True):
        assert line["gen_ai.conversation.id"] == name
        for schema, key in ((MESSAGE, "gen_ai.input.messages"), (OUTPUT, "gen_ai.output.messages")):
            validate(line[key], {"type": "array", "items": schema})
        assert len(line["gen_ai.input.messages"]) + len(line["gen_ai.output.messages"]) == len(messages)
    assert (report.sessions, len(report.left_out)) == (len(sessions), 0)


def test_opentelemetry_has_the_last_inference_of_a_session(tmp_path: Path) -> None:
    exported(tmp_path / "talks.jsonl", "opentelemetry", {**SESSIONS, "server": SERVER_TOOLS})
    by_id = {line["gen_ai.conversation.id"]: line for line in lines(tmp_path / "talks.jsonl")}
    whole = by_id["whole"]
    assert whole["gen_ai.output.messages"] == [
        {"role": "assistant", "parts": [{"type": "text", "content": "At nine."}], "finish_reason": "stop"}
    ]
    assert (whole["gen_ai.response.model"], whole["gen_ai.response.finish_reasons"]) == ("m-2", ["stop"])
    assert whole["gen_ai.input.messages"][2]["parts"] == [
        {"type": "reasoning", "content": "Hm."},
        {"type": "text", "content": "I look."},
        {"type": "tool_call", "name": "ferry", "arguments": CALLS[0]["args"], "id": "c1"},
        {"type": "tool_call", "name": "ferry", "arguments": CALLS[1]["args"], "id": "c2"},
    ]
    assert whole["gen_ai.input.messages"][3] == {
        "role": "tool",
        "parts": [{"type": "tool_call_response", "response": "at nine", "id": "c1"}],
    }
    assert by_id["no answer"]["gen_ai.output.messages"] == []
    server = by_id["server"]
    assert [part["type"] for part in server["gen_ai.input.messages"][0]["parts"]] == [
        "uri", "blob", "blob", "file", "text", "other"
    ]  # fmt: skip
    (output,) = server["gen_ai.output.messages"]
    assert output["finish_reason"] == "tool_call"
    assert [part["type"] for part in output["parts"]] == [
        "server_tool_call", "server_tool_call_response", "tool_call"
    ]  # fmt: skip


@pytest.mark.parametrize("format", ["finetuning", "huggingface", "opentelemetry"])
def test_a_session_with_an_unreadable_record_is_left_out_and_named(tmp_path: Path, format: Any) -> None:
    talk = encode_all(TALK)
    path = tmp_path / ("out.parquet" if format == "huggingface" else "out.jsonl")
    source = PlainReader({"odd": odd_records(), "talk": talk})
    report = export(source, path, format, progress=False)
    assert (report.sessions, report.messages) == (1, len(TALK))
    assert report.left_out["session_id"].tolist() == ["odd"]


def test_what_is_only_read_or_only_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="json is read, and not written"):
        exported(tmp_path / "talks.json", None)
    (tmp_path / "talks.jsonl").touch()
    with pytest.raises(InvalidInputError, match="for other programs to read"):
        FileSource(tmp_path / "talks.jsonl", format="opentelemetry")
