"""What is exported comes back as it was, whichever service and file it went through."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage, messages_from_dict

from chatmem_nb import (
    InvalidInputError,
    RecordErrors,
    copy_sessions,
    export,
    from_dataframe,
    import_file,
    sessions_frame,
    to_dataframe,
)
from chatmem_nb.local import LocalUpstash
from chatmem_nb.records import encode, encode_all, parse, parse_all
from tests.odd_records import odd_records
from tests.parquet import assert_holds
from tests.strategies import messages

CHAT = [HumanMessage("hi"), AIMessage("hello *you*"), HumanMessage("bye")]


def contents(store: Any) -> dict[str, list[str]]:
    return {name: store.read(name) for name in store.session_ids()}


def fill(store: Any) -> dict[str, list[str]]:
    store.append("odd", [record for record in odd_records() if record])
    store.append("007", encode_all(CHAT))
    store.append("a/b=c %?é", encode_all(CHAT[:1]))
    return contents(store)


def test_a_store_is_a_source(store: Any) -> None:
    kept = fill(store)
    frame = to_dataframe(store)
    assert {name: rows.raw.tolist() for name, rows in frame.groupby("session_id")} == kept
    some = to_dataframe((store, ["007", "nobody"]), columns=["session_id", "content"])
    assert some.content.tolist() == ["hi", "hello *you*", "bye"]
    assert set(some.session_id) == {"007"}


def test_sessions_are_summarised_with_their_ttl(server: Any, store: Any) -> None:
    kept = fill(store)
    frame = sessions_frame(store).set_index("session_id")
    assert frame.n_messages.to_dict() == {name: len(records) for name, records in kept.items()}
    assert frame.bytes.sum() == sum(len(raw.encode()) for records in kept.values() for raw in records)
    assert frame.n_bad["007"] == 0
    assert frame.n_bad["odd"] > 3
    assert frame.last_text["007"] == "bye"
    # Momento gives every session an end.
    assert frame.ttl.isna().all() == isinstance(server, LocalUpstash)


@pytest.mark.parametrize("name", ["x.parquet", "x.jsonl", "x.csv"])
def test_a_file_brings_everything_back_byte_for_byte(
    store: Any, other: Any, tmp_path: Path, name: str
) -> None:
    kept = fill(store)
    report = export(store, tmp_path / name, progress=False)
    assert (report.sessions, report.messages) == (3, sum(map(len, kept.values())))
    assert report.bytes == (tmp_path / name).stat().st_size
    assert sorted(path.name for path in tmp_path.iterdir()) == [name]
    done = import_file(tmp_path / name, other)
    assert done.action.tolist() == ["create"] * 3
    assert done.n_rebuilt.sum() == 0
    assert contents(other) == kept


def test_a_parquet_file_is_the_frame(store: Any, tmp_path: Path) -> None:
    fill(store)
    path = tmp_path / "x.parquet"
    export(store, path, progress=False)
    assert_holds(path, to_dataframe(store))
    export(store, path, columns=["index", "role"], where={"role": "user"}, progress=False)
    wanted = to_dataframe(store, columns=["index", "role"], where={"role": "user"})
    assert_holds(path, wanted)


def test_an_empty_parquet_file_is_an_empty_frame(store: Any, tmp_path: Path) -> None:
    export(store, tmp_path / "x.parquet", progress=False)
    # pandas reads categories of which there are none as objects.
    assert_holds(tmp_path / "x.parquet", to_dataframe([]), check_categorical=False, check_dtype=False)


def test_parquet_can_be_partitioned(store: Any, other: Any, tmp_path: Path) -> None:
    kept = fill(store)
    folder = tmp_path / "x.parquet"
    for _ in range(2):  # the second takes the place of the first
        export(store, folder, partition_by=["session_id", "role"], progress=False)
    assert (folder / "session_id=007" / "role=user").is_dir()
    assert len(pd.read_parquet(folder)) == sum(map(len, kept.values()))
    import_file(folder, other)
    assert contents(other) == kept
    with pytest.raises(InvalidInputError, match="index"):
        export(store, folder, partition_by=["index"], progress=False)


def test_lines_are_messages_of_langchain(store: Any, tmp_path: Path) -> None:
    store.append("a", encode_all(CHAT))
    export(store, tmp_path / "x.jsonl", progress=False)
    lines = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text().splitlines()]
    assert messages_from_dict(lines) == CHAT
    assert [(line["session_id"], line["index"]) for line in lines] == [("a", 0), ("a", 1), ("a", 2)]


@settings(
    max_examples=settings().max_examples // 2, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(chat=st.lists(messages, min_size=1, max_size=12))
def test_every_message_survives_frame_parquet_jsonl_and_back(
    store: Any, other: Any, tmp_path: Path, chat: list[BaseMessage]
) -> None:
    for kept in (store, other):
        for name in list(kept.session_ids()):
            kept.delete(name)
    raws = encode_all(chat)
    store.append("s", raws)
    frame = to_dataframe(store)
    from_dataframe(frame, other)
    assert other.read("s") == raws
    for name in ("x.parquet", "x.jsonl"):
        export(other, tmp_path / name, progress=False)
        import_file(tmp_path / name, other, on_conflict="replace")
        assert other.read("s") == raws
    assert_holds(tmp_path / "x.parquet", frame, check_categorical=bool(len(frame)))
    assert [parse(raw).message for raw in other.read("s")] == [parse(raw).message for raw in raws]


def test_openai_lines_are_checked_and_come_back(store: Any, other: Any, tmp_path: Path) -> None:
    call = {"name": "f", "args": {"n": 2**70}, "id": "1"}
    fine = [
        HumanMessage(["a", {"type": "text", "text": "b"}]),
        AIMessage([{"type": "thinking", "thinking": "hm", "signature": "s"}], tool_calls=[call]),
        ToolMessage("42", tool_call_id="1"),
        AIMessage("done"),
    ]
    store.append("fine", encode_all(fine))
    store.append("no result", encode_all([*fine[:2], *fine[3:]]))
    store.append("no call", encode_all([fine[2]]))
    store.append("bad", ["not json"])
    path = tmp_path / "x.jsonl"
    report = export(store, path, "openai", progress=False)
    (line,) = [json.loads(line) for line in path.read_text().splitlines()]
    assert [message["role"] for message in line["messages"]] == ["user", "assistant", "tool", "assistant"]
    assert json.loads(line["messages"][1]["tool_calls"][0]["function"]["arguments"]) == {"n": 2**70}
    assert line["messages"][0]["content"] == [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    left_out = report.left_out.set_index("session_id")
    assert left_out["index"].to_dict() == {"no result": 1, "no call": 0, "bad": 0}
    assert left_out.reason["no result"] == "its tool call '1' has no result"
    assert (report.sessions, report.messages) == (1, 4)
    import_file(path, other)
    back = [parse(raw).message for raw in other.read("fine")]
    assert [message.type for message in back] == ["human", "ai", "tool", "ai"]
    assert back[1].tool_calls[0]["args"] == {"n": 2**70}


def test_no_cell_of_a_csv_file_is_a_formula(store: Any, tmp_path: Path) -> None:
    texts = [
        "=1+1",
        "+1",
        "-1",
        "@x",
        "\t=1",
        "\r=1",
        "\n=1",
        " \n+1",
        "\uff1d1",
        "\uff20x",
        "'=1",
        "fine",
        "",
    ]
    store.append("=evil()", encode_all([HumanMessage(text) for text in texts]))
    export(store, tmp_path / "x.csv", progress=False)
    with (tmp_path / "x.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert not any(
        cell[:1] in "\t\r\n" or cell.strip()[:1] in "=+-@\uff1d\uff20"
        for row in rows
        for cell in row.values()
        if cell.strip()
    )
    assert [row["content"] for row in rows][:2] == ["'=1+1", "'+1"]


def test_an_edited_file_is_rebuilt(store: Any, other: Any, tmp_path: Path) -> None:
    store.append("a", encode_all(CHAT))
    path = tmp_path / "x.csv"
    export(store, path, progress=False)
    frame = pd.read_csv(path)
    frame.loc[1, "content"] = "changed"
    frame.to_csv(path, index=False)
    assert import_file(path, other).n_rebuilt.tolist() == [1]
    assert to_dataframe(other).content.tolist() == ["hi", "changed", "bye"]
    assert other.read("a")[0] == store.read("a")[0]


@pytest.mark.parametrize(
    ("choice", "action", "after"),
    [("append", "append", 4), ("replace", "replace", 3), ("skip", "different", 1), ("merge", "different", 1)],
)
def test_a_conflict_is_settled_as_chosen(
    store: Any, other: Any, choice: Any, action: str, after: int
) -> None:
    store.append("a", encode_all(CHAT))
    other.append("a", encode_all(CHAT[:1]))
    frame = to_dataframe(store)
    planned = from_dataframe(frame, other, on_conflict=choice, dry_run=True)
    assert other.length("a") == 1
    done = from_dataframe(frame, other, on_conflict=choice)
    pd.testing.assert_frame_equal(planned, done)
    assert done.action.tolist() == [action]
    assert done.there_before.tolist() == [1]
    assert other.length("a") == after


def test_a_conflict_stops_before_anything_is_written(store: Any, other: Any) -> None:
    store.append("a", encode_all(CHAT))
    store.append("b", encode_all(CHAT))
    other.append("b", encode_all(CHAT[:1]))
    frame = to_dataframe(store)
    with pytest.raises(InvalidInputError, match=r"'b'.*nothing was written"):
        from_dataframe(frame, other)
    with pytest.raises(InvalidInputError, match="'b'"):
        copy_sessions(store, other, progress=False)
    assert other.length("a") == 0
    planned = from_dataframe(frame, other, dry_run=True).set_index("session_id").action
    assert planned.astype(str).to_dict() == {"a": "create", "b": "conflict"}
    with pytest.raises(InvalidInputError, match="on_conflict"):
        from_dataframe(frame, other, on_conflict="overwrite")


def test_strict_leaves_no_file(store: Any, tmp_path: Path) -> None:
    fill(store)
    with pytest.raises(RecordErrors, match="session 'odd'"):
        export(store, tmp_path / "x.jsonl", strict=True, progress=False)
    assert not (tmp_path / "x.jsonl").exists()
    with pytest.raises(RecordErrors):
        to_dataframe(store, strict=True)


def test_markdown_keeps_each_text_in_its_place(store: Any, tmp_path: Path) -> None:
    chat = [AIMessage("```\nopen fence"), HumanMessage("# no heading")]
    store.append("s", [*encode_all(chat), "bad"])
    export(store, tmp_path / "x.md", progress=False)
    text = (tmp_path / "x.md").read_text()
    assert "## s\n" in text
    assert "> ```\n> open fence\n" in text
    assert "> # no heading\n" in text
    assert "Cannot be read: not JSON" in text


def test_a_page_shows_everything_and_runs_nothing(store: Any, tmp_path: Path) -> None:
    fill(store)
    store.append("<script>alert(1)</script>", encode_all([HumanMessage("<img src=x onerror=alert(1)>")]))
    export(store, tmp_path / "x.html", progress=False)
    page = (tmp_path / "x.html").read_text()
    assert page.count("<script>") == 1
    assert "<img" not in page
    assert "hello <em>you</em>" in page
    assert "Content-Security-Policy" in page
    assert page.count("<article") == sum(map(len, contents(store).values()))


def test_a_list_of_messages_can_be_exported(tmp_path: Path) -> None:
    for name in ("x.parquet", "x.jsonl", "x.csv", "x.md", "x.html"):
        report = export(CHAT, tmp_path / name, progress=False)
        assert (report.messages, report.commands) == (3, 0)
        assert str(tmp_path / name) in str(report)


def test_what_cannot_be_exported_is_refused_before_anything_is_read(store: Any, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="suffix"):
        export(CHAT, tmp_path / "x.doc")
    with pytest.raises(InvalidInputError, match="unknown format"):
        export(CHAT, tmp_path / "x", "excel")
    with pytest.raises(InvalidInputError, match="did you mean 'jsonl'"):
        export(CHAT, tmp_path / "x", "JSONL")
    with pytest.raises(FileNotFoundError, match="since must be the report of an earlier export"):
        export(store, tmp_path / "x.jsonl", since="2024-01-01")
    with pytest.raises(InvalidInputError, match="partition_by"):
        export(CHAT, tmp_path / "x.csv", partition_by=["role"])
    with pytest.raises(InvalidInputError, match="columns"):
        export(CHAT, tmp_path / "x.html", columns=["role"])
    with pytest.raises(FileNotFoundError, match="does not exist"):
        export(CHAT, tmp_path / "nowhere" / "x.csv")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_partitions_is_parquet_without_being_told(store: Any, tmp_path: Path) -> None:
    store.append("alice", encode_all(CHAT))
    export(store, tmp_path / "parts", partition_by="role", progress=False)
    assert sorted(to_dataframe(tmp_path / "parts")["raw"]) == sorted(store.read("alice"))
    assert import_file(tmp_path / "parts", store, on_conflict="skip")["action"].tolist() == ["skip"]


def test_a_line_that_holds_no_message_is_named(store: Any, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    good = json.dumps({"session_id": "a", **json.loads(encode(HumanMessage("x")))})
    for bad in ("{cut", "[]", '{"session_id": "a"}', '{"session_id": "a", "messages": [{"role": "alien"}]}'):
        path.write_text(f"{good}\n\n{bad}\n")
        with pytest.raises(InvalidInputError, match="line 3"):
            import_file(path, store)
    assert list(store.session_ids()) == []
    with pytest.raises(FileNotFoundError):
        import_file(tmp_path / "nothing.jsonl", store)
    (tmp_path / "x.html").touch()
    with pytest.raises(InvalidInputError, match="people"):
        import_file(tmp_path / "x.html", store)


def test_a_filtered_frame_does_not_replace_a_session(other: Any) -> None:
    other.append("s", encode_all(CHAT))
    kept = other.read("s")
    users = to_dataframe((other, ["s"]), where={"role": "user"})
    with pytest.raises(InvalidInputError, match="lacks 1 of the 3 records"):
        from_dataframe(users, other, on_conflict="replace")
    assert other.read("s") == kept
    from_dataframe(users, other, on_conflict="replace", partial=True)
    assert other.read("s") == [kept[0], kept[2]]


def test_update_changes_single_rows(other: Any) -> None:
    other.append("s", encode_all(CHAT))
    kept = other.read("s")
    frame = to_dataframe((other, ["s"]), where={"role": "assistant"})
    frame.loc[0, "content"] = "hello again"
    report = from_dataframe(frame, other, on_conflict="update")
    assert report[["action", "n_messages"]].iloc[0].tolist() == ["update", 1]
    found = other.read("s")
    assert [found[0], found[2]] == [kept[0], kept[2]]
    assert parse(found[1]).message.content == "hello again"
    assert from_dataframe(to_dataframe(other), other, on_conflict="update").action.tolist() == ["skip"]


def test_an_interrupted_update_is_completed_by_the_next(other: Any) -> None:
    other.append("s", encode_all(CHAT))
    frame = to_dataframe((other, ["s"]))
    frame.loc[1, "content"] = "hello again"
    from_dataframe(frame, other, on_conflict="update")
    done = other.read("s")
    other.insert("s", 2, [frame.raw[1]])  # as an interruption leaves it: the old version is still there
    from_dataframe(frame, other, on_conflict="update")
    assert other.read("s") == done


def test_update_leaves_alone_what_it_cannot_find(other: Any) -> None:
    frame = to_dataframe(parse_all(encode_all(CHAT))).assign(session_id="s")
    assert from_dataframe(frame, other, on_conflict="update").action.tolist() == ["different"]
    assert contents(other) == {}


def test_a_tilde_is_the_home_folder(
    store: Any, other: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    store.append("s", encode_all(CHAT))
    report = export(store, "~/x.jsonl", progress=False)
    assert report.path == tmp_path / "x.jsonl"
    import_file("~/x.jsonl", other)
    assert contents(other) == contents(store)
