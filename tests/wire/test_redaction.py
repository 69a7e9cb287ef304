"""What is planted in a store leaves it by no export, frame or copy."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from chatmem_nb import (
    InvalidInputError,
    Redactor,
    content_blocks_frame,
    copy_sessions,
    export,
    import_file,
    sessions_frame,
    to_dataframe,
    tool_calls_frame,
)
from chatmem_nb.formats.compression import chunks
from chatmem_nb.records import encode_all, parse

KEY = "a key for tests, and for nothing else"
SECRETS = {
    "email": "carol.planted@example.com",
    "phone": "+14155552671",
    "card": "4012888888881881",
    "ip": "203.0.113.77",
    "mac": "00:1a:2b:3c:4d:5f",
    "api_key": "sk-proj-plantedplantedplanted1234",
    "secret": "https://user:plantedpass@example.org/",
    "ticket": "TCK-778899",
}
# What of each must not be in any byte that leaves, in whatever case, and however escaped.
TRACES = [
    "carol.planted", "4155552671", "415-555", "4012888888881881", "203.0.113.77", "00:1a:2b:3c:4d:5f",
    "plantedplanted", "plantedpass", "778899",
]  # fmt: skip
OTHERS = {
    "x.openai": "openai",
    "x.finetuning": "finetuning",
    "set.parquet": "huggingface",
    "x.opentelemetry": "opentelemetry",
}
"""The formats that a suffix does not tell."""
FORMATS = ["x.parquet", "x.jsonl", "x.jsonl.gz", "x.jsonl.zst", "x.csv", "x.md", "x.html", *OTHERS]


def conversation() -> list[BaseMessage]:
    """Each secret in every place that a message has."""
    everything = " | ".join(SECRETS.values())
    deep: dict[str, Any] = {
        "list": [everything, {"json": json.dumps({"inner": everything, "n": 4012888888881881})}],
        SECRETS["email"]: 14155552671,
        "split": list(SECRETS.values()),
    }
    call = {"name": "f", "args": deep, "id": f"call {SECRETS['email']}", "type": "tool_call"}
    split = [{"type": "text", "text": "mail carol.plan"}, {"type": "text", "text": "ted@example.com now"}]
    common: dict[str, Any] = {"additional_kwargs": deep, "response_metadata": deep, "id": everything}
    return [
        HumanMessage(everything, name="Carol", **common),
        HumanMessage(split),
        HumanMessage(
            [{"type": "text", "text": everything}, {"type": "image_url", "image_url": {"url": everything}}]
        ),
        AIMessage("", tool_calls=[call], **common),
        ToolMessage(everything, tool_call_id=f"call {SECRETS['email']}", artifact=deep, **common),
        AIMessage(json.dumps(deep), **common),
    ]


@pytest.fixture
def store(store: Any) -> Any:
    store.append("planted", encode_all(conversation()))
    store.append(SECRETS["email"], encode_all([HumanMessage(f"I am {SECRETS['email']}")]))
    return store


@pytest.fixture
def redactor() -> Redactor:
    return Redactor(key=KEY, patterns={"ticket": r"TCK-\d+"}, session_ids=True)


def traces(data: bytes | str) -> list[str]:
    text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
    folded = text.replace("\\", "").lower()
    return [trace for trace in TRACES if trace in folded]


def bytes_of(path: Path) -> bytes:
    """What is in a file; what is compressed unpacked as well as packed."""
    data = path.read_bytes() + b"".join(chunks(path))
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        data += repr(table.to_pydict()).encode("utf-8", "replace") + repr(table.schema.metadata).encode()
    return data


@pytest.mark.parametrize("name", FORMATS)
def test_nothing_planted_is_in_any_byte_of_a_file(
    store: Any, redactor: Redactor, tmp_path: Path, name: str
) -> None:
    format: Any = OTHERS.get(name)
    path = tmp_path / name
    plain = export(store, path, format, progress=False)
    assert traces(bytes_of(path)), "it was planted"
    report = export(store, path, format, progress=False, redact=redactor)
    assert traces(bytes_of(path)) == []
    assert traces(str(report) + repr(report)) == []
    assert (report.messages, report.sessions) == (plain.messages, plain.sessions)
    assert set(report.redacted) >= set(SECRETS)
    assert KEY not in repr(report)
    assert KEY.encode() not in path.read_bytes()
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_nothing_planted_is_in_a_frame(store: Any, redactor: Redactor) -> None:
    for make in (to_dataframe, sessions_frame, tool_calls_frame, content_blocks_frame):
        frame = make(store, redact=redactor)
        assert traces(frame.to_csv() + str(frame.attrs) + str(frame.dtypes) + repr(frame.to_dict())) == []
        assert traces(make(store).to_csv()), make
        assert len(frame) == len(make(store))
        assert frame.attrs["redaction"]["counts"]["email"] > 0
        assert (frame.dtypes == make(store).dtypes).all()
        categories = [str(frame[name].cat.categories.tolist()) for name in frame.select_dtypes("category")]
        assert traces("".join(categories)) == []


def test_nothing_planted_is_in_a_copied_store(store: Any, other: Any, redactor: Redactor) -> None:
    report = copy_sessions(store, other, redact=redactor, progress=False)
    assert report.action.tolist() == ["create", "create"]
    copied = {name: other.read(name) for name in other.session_ids()}
    assert traces(repr(copied) + repr(report.to_dict()) + repr(report.attrs)) == []
    assert all(parse(raw).error is None for raws in copied.values() for raw in raws)
    assert sorted(map(len, copied.values())) == [1, 6]
    again = copy_sessions(store, other, redact=redactor, on_conflict="merge", progress=False)
    assert again.action.tolist() == ["skip", "skip"]
    skipped = copy_sessions(store, other, redact=redactor, on_conflict="skip", progress=False)
    assert skipped.action.tolist() == ["skip", "skip"]


def test_one_value_has_one_pseudonym_in_every_file_frame_and_copy(
    store: Any, other: Any, tmp_path: Path
) -> None:
    pseudonym = Redactor(key=KEY).text(SECRETS["email"])
    assert re.fullmatch(r"\[EMAIL:[a-p]{12}\]", pseudonym)
    export(store, tmp_path / "x.jsonl", redact=Redactor(key=KEY), progress=False)
    assert pseudonym in (tmp_path / "x.jsonl").read_text()
    frame = to_dataframe(store, redact=Redactor(key=KEY))
    assert frame["content"].str.contains(pseudonym, regex=False).any()
    copy_sessions(store, other, ["planted"], redact=Redactor(key=KEY), progress=False)
    assert pseudonym in other.read("planted")[0]


def test_a_redacted_file_can_be_imported(store: Any, other: Any, redactor: Redactor, tmp_path: Path) -> None:
    for name in ("x.parquet", "x.jsonl"):
        export(store, tmp_path / name, redact=redactor, progress=False)
        done = import_file(tmp_path / name, other, on_conflict="replace")
        assert done.n_rebuilt.sum() == 0
        stored = [raw for session_id in other.session_ids() for raw in other.read(session_id)]
        assert traces(repr(stored)) == []
        assert all(parse(raw).message for raw in stored)


def test_counts_are_those_of_what_was_replaced(store: Any, tmp_path: Path) -> None:
    store.append("counted", encode_all([HumanMessage("a@example.com b@example.com 10.1.2.3")]))
    report = export((store, ["counted"]), tmp_path / "x.jsonl", redact=Redactor(), progress=False)
    assert report.redacted == {"email": 2, "ip": 1}
    assert "redacted: 2 email, 1 ip" in str(report)


def test_a_damaged_record_is_left_out_and_named(store: Any, other: Any, tmp_path: Path) -> None:
    store.append(
        "bad",
        [*encode_all([HumanMessage("a")]), '{"cut": "carol.planted@exam', "x carol.planted@example.com"],
    )
    for name in FORMATS:
        format: Any = OTHERS.get(name)
        report = export((store, ["bad"]), tmp_path / name, format, redact=Redactor(), progress=False)
        assert [(left.session_id, left.index) for left in report.unredactable] == [("bad", 1), ("bad", 2)]
        assert "2 records left out that could not be redacted" in str(report)
        assert traces(bytes_of(tmp_path / name) + repr(report).encode()) == []
    frame = to_dataframe((store, ["bad"]), redact=Redactor())
    assert len(frame) == 1
    assert [left[:2] for left in frame.attrs["redaction"]["left_out"]] == [["bad", 1], ["bad", 2]]
    copied = copy_sessions(store, other, ["bad"], redact=Redactor(), progress=False)
    assert len(other.read("bad")) == 1
    assert len(copied.attrs["redaction"]["left_out"]) == 2


def test_a_filter_sees_the_messages_as_they_are(store: Any, tmp_path: Path) -> None:
    def is_carol(record: Any) -> bool:
        return "I am carol.planted" in record.raw

    frame = to_dataframe(store, where=is_carol, redact=Redactor())
    assert frame["content"].tolist() == ["I am [EMAIL]"]
    report = export(store, tmp_path / "x.jsonl", where=is_carol, redact=Redactor(), progress=False)
    assert report.messages == 1


def test_an_interrupted_export_goes_on_with_the_same_redactor_only(store: Any, tmp_path: Path) -> None:
    from chatmem_nb import StoreLimitError

    path = tmp_path / "x.jsonl"
    for number in range(40):
        store.append(f"more-{number}", encode_all([HumanMessage("x" * 500 + " a@example.com")]))
    redactor = Redactor(key=KEY, session_ids=True)
    budget = 25 if isinstance(store.commands.billed, int) and "Momento" in type(store).__name__ else 12
    with pytest.raises(StoreLimitError):
        export(store, path, redact=redactor, progress=False, max_commands=budget)
    journal = (tmp_path / ".x.jsonl.partial" / "journal.jsonl").read_text()
    assert KEY not in journal
    assert "more-" not in journal
    report = export(store, path, redact=Redactor(key=KEY, session_ids=True), progress=False)
    assert report.resumed + report.sessions == 42
    lines = path.read_text().splitlines()
    assert len(lines) == len({json.loads(line)["record_id"] for line in lines})
    with pytest.raises(StoreLimitError):
        export(store, path, redact=redactor, progress=False, max_commands=budget)
    assert export(store, path, redact=Redactor(key=KEY + "2"), progress=False).resumed == 0


def test_what_is_no_redactor_is_refused(store: Any, other: Any, tmp_path: Path) -> None:
    redact: Any = {"email"}
    with pytest.raises(InvalidInputError, match="Redactor"):
        export(store, tmp_path / "x.jsonl", redact=redact)
    with pytest.raises(InvalidInputError, match="Redactor"):
        to_dataframe(store, redact=redact)
    with pytest.raises(InvalidInputError, match="Redactor"):
        copy_sessions(store, other, redact=redact)
    assert list(tmp_path.iterdir()) == []
