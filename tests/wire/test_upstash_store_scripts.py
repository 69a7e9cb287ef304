"""Scripts with flags and without, tokens that may not run any, and deletes with a condition."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import upstash_redis

from chatmem_nb import errors
from chatmem_nb.local import LocalUpstash
from chatmem_nb.stores.upstash import UpstashSessionStore
from chatmem_nb.stores.upstash.scripts import SCRIPTS
from tests.colours import Coloured
from tests.fault_proxy import FAULTS, fault_proxy
from tests.odd_server import odd_server, passing_on
from tests.redis_server import as_user

# What Upstash does for a script with the flag, in Lua: a key that is not in KEYS is refused.
STRICT = """\
local declared = {}
for _, key in ipairs(KEYS) do declared[key] = true end
local function strict(call)
  return function(command, key, ...)
    if not declared[key] or (command == 'RENAME' and not declared[...]) then
      error('an undeclared key: ' .. command .. ' ' .. key)
    end
    return call(command, key, ...)
  end
end
local redis = {call = strict(redis.call), pcall = strict(redis.pcall), error_reply = redis.error_reply}
"""

# What Upstash does for a push by which a list grows over the largest size of a record.
REFUSING = """\
local call = redis.pcall
local function pcall(command, key, ...)
  if select(select('#', ...), ...) == 'refused' then return {err = 'ERR max single record size exceeded'} end
  return call(command, key, ...)
end
local redis = {call = redis.call, pcall = pcall, error_reply = redis.error_reply}
"""

# How servers refuse flags and EVAL_RO: Redis 6, Redis 7, LocalUpstash without EVAL_RO, Upstash before it.
REFUSALS = {
    "Redis 6": (
        "ERR Error compiling script (new function): user_script:1: unexpected symbol near '#'",
        "ERR unknown command `EVAL_RO`, with args beginning with: `#!lua flags=no-writes`, ",
    ),
    "Redis 7": (
        "ERR Unexpected flag in script shebang: allow-key-locking",
        "ERR Unexpected flag in script shebang: allow-key-locking",
    ),
    "Upstash": (
        "ERR Error compiling script: @user_script:2: unexpected symbol near '#'",
        "ERR Command is not available: 'EVAL_RO'. See https://upstash.com/docs/redis for details",
    ),
}


@pytest.fixture(scope="module")
def real(redis_url: str) -> Iterator[LocalUpstash]:
    with LocalUpstash(redis_url=redis_url, scripts="any") as server:
        yield server


def change_in_every_way(store: Coloured) -> None:
    """Call each verb, and check what it returns."""
    assert store.append("s", ["r0", "r1"]) == 2
    assert store.insert("s", 1, ["x", "y"]) == 4
    assert store.insert("s", 0, ["first"]) == 5
    assert store.insert("s", 9, ["last"]) == 6
    assert store.remove("s", 2, "x") is True
    assert store.read("s") == ["first", "r0", "y", "r1", "last"]
    assert store.delete("s", count=2, last="r0") is True
    with pytest.raises(errors.StoreConflictError):
        store.delete("s", count=2, last="r0")
    assert [(row.length, row.first, row.last) for row in store.summaries(["s"])] == [(3, "y", "last")]
    assert store.replace("s", ["n0", "n1"]) == 2
    large = [f"{number}" * 9_000 for number in range(4)]
    assert store.append("s", large) == 6
    assert store.insert("s", 1, large) == 10
    assert store.read("s") == ["n0", *large, "n1", *large]
    assert store.replace("s", large) == 4
    assert store.replace("s", []) == 0
    assert store.append("s", ["r"]) == 1
    assert store.delete("s") is True
    assert store.delete("s") is False


def options(server: LocalUpstash) -> dict[str, Any]:
    return {
        "token": server.token,
        "key_prefix": f"{uuid4().hex}:",
        "ttl": timedelta(hours=1),
        "max_request_bytes": 30_000,
    }


def test_a_server_that_knows_the_flags_is_sent_nothing_else(real: LocalUpstash, colour: str) -> None:
    sent: list[tuple[str, str]] = []

    def meet(body: Any) -> Any:
        if body[0] in ("EVAL", "EVAL_RO"):
            sent.append((body[0], body[1].splitlines()[0]))
            assert body[1] in SCRIPTS
            return ["EVAL", STRICT + body[1].partition("\n")[2], *body[2:]]
        return body

    with (
        odd_server(passing_on(real.port, meet)) as url,
        Coloured(UpstashSessionStore(url, **options(real)), colour) as store,
    ):
        change_in_every_way(store)
        commands = store.store.commands
        spent = commands.requests, commands.billed
        store.append("s", ["r"])
        store.summaries(["s"])
        assert (commands.requests - spent[0], commands.billed - spent[1]) == (2, 2)
    assert set(sent) == {
        ("EVAL", "#!lua flags=allow-key-locking"),
        ("EVAL_RO", "#!lua flags=no-writes,allow-key-locking"),
    }


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_server_that_refuses_the_flags_is_asked_once(
    upstash: LocalUpstash, colour: str, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    refused: list[str] = []

    def meet(body: Any) -> Any:
        if body[0] == "EVAL_RO" or (body[0] == "EVAL" and body[1].startswith("#!")):
            refused.append(body[0])
            return REFUSALS[kind][body[0] == "EVAL_RO"]
        return body

    with (
        odd_server(passing_on(upstash.port, meet)) as url,
        Coloured(UpstashSessionStore(url, **options(upstash)), colour) as store,
        caplog.at_level(logging.DEBUG, "chatmem_nb"),
    ):
        change_in_every_way(store)
        change_in_every_way(store)
    assert sorted(refused) == ["EVAL", "EVAL_RO"]
    assert caplog.text.count("sent without flags") == 2


def test_nothing_is_lost_or_doubled_where_flags_are_refused(real: LocalUpstash, colour: str) -> None:
    with fault_proxy(real.port, 0.25, 5) as proxy:
        for _ in range(8):  # each store finds out on its own
            with Coloured(UpstashSessionStore(proxy.url, timeout_s=60, **options(real)), colour) as store:
                change_in_every_way(store)
        assert set(proxy.met) == set(FAULTS)


@pytest.fixture
def restricted(redis_url: str, colour: str) -> Iterator[Callable[..., Coloured]]:
    """Creates stores whose token has the permissions of the given ACL rules; sessions `s` and `t` exist."""
    opened: list[Any] = []
    prefix = f"{uuid4().hex}:"
    with LocalUpstash(redis_url=redis_url) as server, server.store(key_prefix=prefix) as store:
        store.append("s", ["r0", "r1", "r2"])
        store.append("t", ["r"])
        store.redis_client.set(f"{prefix}text", "value")

    def restricted(*rules: str) -> Coloured:
        server = LocalUpstash(redis_url=as_user(redis_url, *rules))
        server.__enter__()
        coloured = Coloured(server.store(key_prefix=prefix), colour)
        opened.extend([server, coloured])
        return coloured

    yield restricted
    for each in opened[::-1]:
        each.__exit__(None, None, None)


READ_ONLY = ("-@write", "-@scripting", "-scan", "-keys")


def test_a_token_that_may_not_run_scripts_reads(restricted: Callable[..., Coloured]) -> None:
    store = restricted(*READ_ONLY)
    assert store.read("s") == ["r0", "r1", "r2"]
    assert store.length("s") == 3
    assert store.read_many(["s", "t"]) == [("s", 0, ["r0", "r1", "r2"]), ("t", 0, ["r"])]
    for _ in range(2):
        rows = store.summaries(["s", "none", "text", "t"])
        assert [(row.length, row.first, row.last) for row in rows] == [
            (3, "r0", "r2"),
            (0, None, None),
            (0, None, None),
            (1, "r", "r"),
        ]
    requests = store.store.commands.requests
    store.summaries(["s"])
    assert store.store.commands.requests - requests == 2  # no script is tried again


def test_a_token_that_may_not_run_scripts_changes_nothing(restricted: Callable[..., Coloured]) -> None:
    store = restricted(*READ_ONLY)
    for change in (
        lambda: store.append("s", ["r"]),
        lambda: store.insert("s", 0, ["r"]),
        lambda: store.replace("s", ["r"]),
        lambda: store.remove("s", 0, "r0"),
        lambda: store.delete("s"),
    ):
        with pytest.raises(
            errors.StoreAuthError, match=r"may not run scripts \(EVAL\).*standard token"
        ) as failed:
            change()
        assert not failed.value.maybe_applied
    assert store.read("s") == ["r0", "r1", "r2"]


def test_a_token_that_may_not_scan_says_so(restricted: Callable[..., Coloured]) -> None:
    store = restricted("-scan", "-keys")
    with pytest.raises(errors.StoreAuthError, match=r"may not list sessions \(SCAN\).*standard token"):
        store.session_ids()
    assert store.append("s", ["r3"]) == 4


@pytest.fixture(params=["embedded", "redis"])
def store(request: pytest.FixtureRequest, colour: str) -> Iterator[Coloured]:
    server = request.getfixturevalue("upstash" if request.param == "embedded" else "real")
    with Coloured(server.store(key_prefix=f"{uuid4().hex}:"), colour) as store:
        yield store


def test_a_delete_with_a_condition_keeps_what_was_appended_since(store: Coloured) -> None:
    store.append("s", ["r0", "r1", "r2"])
    store.append("s", ["later"])
    assert store.delete("s", count=3, last="r2") is True
    assert store.read("s") == ["later"]
    assert store.delete("s", count=1, last="later") is True
    assert store.length("s") == 0
    assert store.session_ids() == []


@pytest.mark.parametrize(("count", "last"), [(2, "r0"), (2, "r2"), (1, "r1"), (4, "r2"), (100, "r0")])
def test_a_delete_whose_condition_fails_deletes_nothing(store: Coloured, count: int, last: str) -> None:
    store.append("s", ["r0", "r1", "r2"])
    with pytest.raises(errors.StoreConflictError, match="nothing was deleted; read the session again"):
        store.delete("s", count=count, last=last)
    assert store.read("s") == ["r0", "r1", "r2"]
    with pytest.raises(errors.StoreConflictError):
        store.delete("none", count=1, last="r0")


def test_a_delete_with_a_condition_refuses_another_type(store: Coloured) -> None:
    with upstash_redis.Redis("http://" + store.store.host, token_of(store)) as redis:
        redis.set(f"{store.store.key_prefix}text", "value")
    with pytest.raises(errors.WrongTypeError):
        store.delete("text", count=1, last="value")


def token_of(store: Coloured) -> str:
    client = store.store.redis_client
    return str(client._headers["Authorization"].removeprefix("Bearer "))


def test_a_change_that_is_refused_on_the_way_leaves_the_session(real: LocalUpstash, colour: str) -> None:

    def meet(body: Any) -> Any:
        if body[0] == "EVAL":
            return ["EVAL", REFUSING + body[1].partition("\n")[2], *body[2:]]
        return body

    with (
        odd_server(passing_on(real.port, meet)) as url,
        Coloured(UpstashSessionStore(url, **options(real)), colour) as store,
    ):
        before = [f"r{number}" for number in range(6)]
        store.append("s", before)
        for change in (
            lambda: store.replace("s", ["a", "b", "refused", "c"]),
            lambda: store.insert("s", 3, ["a", "b", "refused", "c"]),
            lambda: store.insert("s", 0, ["a", "refused", "b", "c"]),
            lambda: store.insert("s", 9, ["a", "b", "refused", "c"]),
        ):
            with pytest.raises(errors.StoreLimitError, match="single record"):
                change()
            assert store.read("s") == before
            assert store.session_ids() == ["s"]
        keys = store.store.redis_client.keys("*new:*")
        assert not keys
