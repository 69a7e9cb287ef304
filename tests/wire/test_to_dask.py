"""Sessions beyond one machine: the same schema, and no secret on the way."""

from __future__ import annotations

import doctest
import pickle
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import dask
import pandas as pd
import pytest
from langchain_core.messages import AIMessage, HumanMessage

from chatmem_nb import (
    FileSource,
    InvalidInputError,
    Redactor,
    UpstashSessionStore,
    export,
    to_dask,
    to_dataframe,
)
from chatmem_nb.exports import distributed
from chatmem_nb.local import LocalUpstash
from chatmem_nb.local.offline import environment
from chatmem_nb.records import encode_all


@pytest.fixture(scope="module")
def server() -> Iterator[LocalUpstash]:
    with LocalUpstash() as server, server.store() as store:
        for number in range(30):
            chat = [HumanMessage(f"h{number}"), AIMessage("a", response_metadata={"model": f"m{number % 3}"})]
            store.append(f"s{number:02}", encode_all(chat))
        yield server


@pytest.fixture
def store(server: LocalUpstash, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("UPSTASH_REDIS_REST_URL", server.url)
    monkeypatch.setenv("UPSTASH_REDIS_REST_TOKEN", server.token)
    with server.store() as store:
        yield store


def ordered(frame: pd.DataFrame) -> pd.DataFrame:
    for name in frame.select_dtypes("category"):
        frame[name] = frame[name].astype("str")
    return frame.sort_values(["session_id", "index"], ignore_index=True)


@pytest.fixture(scope="module")
def cluster(server: LocalUpstash) -> Iterator[Any]:
    """Two workers in processes of their own, which have the variables of the server."""
    from distributed import Client, LocalCluster

    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment(server).items():
            patch.setenv(name, value)
        with (
            LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as found,
            Client(found) as client,
        ):
            yield client


@pytest.mark.slow
def test_partitions_on_a_cluster_of_processes_make_up_the_frame(
    server: LocalUpstash, store: Any, cluster: Any
) -> None:
    lazy = to_dask(store, npartitions=4)
    assert server.token not in repr(pickle.dumps(lazy.__dask_graph__()))
    assert server.token.encode() not in pickle.dumps(lazy)
    frame = lazy.compute()
    counts = lazy.groupby("role", observed=True).size().compute()
    pd.testing.assert_frame_equal(ordered(frame), ordered(to_dataframe(store)))
    assert counts.to_dict() == {"user": 30, "assistant": 30}


def transitions(dask_scheduler: Any) -> int:
    """How many changes of tasks the scheduler has seen."""
    return int(dask_scheduler.transition_counter)


@pytest.mark.slow
def test_the_example_runs_on_a_cluster_and_what_it_makes_can_be_pickled(
    server: LocalUpstash, store: Any, cluster: Any
) -> None:
    for name, messages in {"trip-planner": 12, "short-hello": 0}.items():
        store.append(name, encode_all([AIMessage("x")] * (messages // 2 + 1)))
    names: dict[str, Any] = {"server": server, "store": store, "to_dask": to_dask}
    before = cluster.run_on_scheduler(transitions)
    try:
        for example in doctest.DocTestParser().get_examples(to_dask.__doc__ or ""):
            exec(compile(example.source, "example", "single"), names)
        assert len(pickle.loads(pickle.dumps(names["frame"])).compute()) == 8
        assert cluster.run_on_scheduler(transitions) > before
    finally:
        store.delete("trip-planner")
        store.delete("short-hello")


@pytest.mark.slow
def test_partitions_are_balanced_by_length(server: LocalUpstash) -> None:
    with server.store(key_prefix="skewed:") as skewed:
        lengths = [1] * 40 + [60, 80] + [1] * 40 + [70]
        for number, length in enumerate(lengths):
            skewed.append(f"s{number:02}", encode_all([HumanMessage("x" * 50)] * length))
        lazy = to_dask((skewed, [f"s{number:02}" for number in range(len(lengths))]), 4, columns=["index"])
    with dask.config.set(scheduler="sync"), pytest.MonkeyPatch.context() as patch:
        for name, value in environment(server).items():
            patch.setenv(name, value)
        sizes = [len(part) for part in dask.compute(*lazy.to_delayed())]
    assert sum(sizes) == sum(lengths)
    assert max(sizes) <= 1.5 * sum(lengths) / 4


def test_a_partition_holds_a_bounded_amount_of_text(
    server: LocalUpstash, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distributed, "PARTITION_BYTES", 2_000)
    assert to_dask(store).npartitions >= 5


def test_every_partition_has_the_schema(store: Any) -> None:
    lazy = to_dask(store, npartitions=7)
    wanted = to_dataframe([]).dtypes.astype(str)
    assert lazy.npartitions == 7
    assert lazy.dtypes.astype(str).equals(wanted)
    with dask.config.set(scheduler="sync"):
        parts = dask.compute(*lazy.to_delayed())
    assert all(part.dtypes.astype(str).equals(wanted) for part in parts)
    assert sum(len(part) for part in parts) == 60


def test_only_the_columns_needed_are_built(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def noted(*args: Any, columns: Any, **kwargs: Any) -> pd.DataFrame:
        asked.append(columns)
        return to_dataframe(*args, columns=columns, **kwargs)

    monkeypatch.setattr(distributed, "to_dataframe", noted)
    with dask.config.set(scheduler="sync"):
        assert to_dask(store, npartitions=1)["content"].str.len().sum().compute() > 0
        assert asked[-1] == ["content"]


def test_a_store_can_be_opened_in_another_way(server: LocalUpstash, store: Any) -> None:
    lazy = to_dask((store, ["s00"]), columns=["content"], open_store=partial(server.store, timeout_s=5.0))
    with dask.config.set(scheduler="sync"):
        assert lazy.compute().content.tolist() == ["h0", "a"]


def test_a_store_with_no_sessions_is_an_empty_frame(server: LocalUpstash, store: Any) -> None:
    with server.store(key_prefix="nothing:") as empty, dask.config.set(scheduler="sync"):
        frame = to_dask(empty).compute()
    assert frame.dtypes.astype(str).equals(to_dataframe([]).dtypes.astype(str))


def test_a_worker_without_the_variables_says_which(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    lazy = to_dask(store, npartitions=1)
    monkeypatch.delenv("UPSTASH_REDIS_REST_TOKEN")
    with (
        dask.config.set(scheduler="sync"),
        pytest.raises(InvalidInputError, match="UPSTASH_REDIS_REST_TOKEN"),
    ):
        lazy.compute()


def test_what_has_no_partitions_is_refused(store: Any) -> None:
    with pytest.raises(InvalidInputError, match="memory"):
        to_dask([HumanMessage("x")])
    with pytest.raises(InvalidInputError, match="npartitions"):
        to_dask(store, npartitions=0)
    assert UpstashSessionStore.service == "Upstash Redis"


KEY = b"k" * 32


def keyed() -> Redactor:
    return Redactor(key=KEY, session_ids=True)


def test_partitions_are_redacted_on_the_workers(server: LocalUpstash, store: Any) -> None:
    store.append("private", encode_all([HumanMessage("write to ann@example.org"), HumanMessage("hi")]))
    try:
        source: Any = (store, ["private"])
        masked = pickle.loads(pickle.dumps(to_dask(source, redact=Redactor()))).compute(scheduler="sync")
        assert masked["content"].tolist() == ["write to [EMAIL]", "hi"]
        lazy = to_dask(source, redact=keyed)
        assert KEY not in pickle.dumps(lazy)
        expected = to_dataframe(source, redact=keyed())
        pd.testing.assert_frame_equal(ordered(lazy.compute(scheduler="sync")), ordered(expected))
    finally:
        store.delete("private")
    with pytest.raises(InvalidInputError, match="a function that makes it there"):
        to_dask(store, redact=keyed())
    with pytest.raises(InvalidInputError, match="must be a Redactor"):
        to_dask(store, redact="all")


def test_a_file_is_read_by_its_path(store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    export(store, "chats.jsonl", progress=False)
    lazy = pickle.loads(pickle.dumps(to_dask(FileSource("chats.jsonl", index="chats.index"), npartitions=3)))
    monkeypatch.chdir("/")
    frame = lazy.compute(scheduler="threads")
    pd.testing.assert_frame_equal(ordered(frame), ordered(to_dataframe(tmp_path / "chats.jsonl")))
    assert lazy.npartitions == 3


def test_a_file_source_can_be_pickled(store: Any, tmp_path: Path) -> None:
    export(store, tmp_path / "chats.data", "jsonl", progress=False)
    source = FileSource(tmp_path / "chats.data", format="jsonl", index=tmp_path / "index")
    assert source.length("s01") == 2
    assert pickle.loads(pickle.dumps(source)).read("s01") == source.read("s01")
