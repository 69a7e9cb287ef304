"""The flags of a script's first line, on the embedded engine and on plain Redis.

https://upstash.com/docs/redis/features/key-locking, .../commands/scripting/eval and .../eval-ro
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest
from upstash_redis import Redis
from upstash_redis.errors import UpstashError

from chatmem_nb.local import LocalUpstash
from chatmem_nb.local.upstash import scripts
from tests.redis_server import redis_server

LOCKING = "#!lua flags=allow-key-locking\n"
READING = "#!lua flags=no-writes,allow-key-locking\n"
NO_WRITES = "#!lua flags=no-writes\n"
GET = "return redis.call('GET', KEYS[1])"
SET = "return redis.call('SET', KEYS[1], ARGV[1])"
GET_OTHER = "local key = ARGV[1]\nreturn redis.call('GET', key)"
UNKNOWN_FLAG = "ERR Unexpected flag in script shebang: allow-key-locking"
CALLS = {
    "a string": ("redis.call('SET', KEYS[1], 'v')", "redis.call('GET', ARGV[1])"),
    "several keys": ("redis.call('DEL', KEYS[1], KEYS[2])", "redis.call('DEL', KEYS[1], ARGV[1])"),
    "two keys": (
        "redis.call('LMOVE', KEYS[1], KEYS[2], 'LEFT', 'LEFT')",
        "redis.call('RENAME', KEYS[1], ARGV[1])",
    ),
    "caught": ("redis.pcall('LLEN', KEYS[2])", "redis.pcall('LLEN', ARGV[1])"),
    "all keys": ("redis.call('PING')", "redis.call('DBSIZE')"),
    "erase all": ("redis.call('ECHO', ARGV[1])", "redis.call('FLUSHDB')"),
    "keys that a count announces": ("redis.call('TYPE', KEYS[1])", "redis.call('ZUNION', 1, KEYS[1])"),
}
OWN = [GET, SET, GET_OTHER, *(f"return {call}" for pair in CALLS.values() for call in pair)]


@pytest.fixture(scope="module")
def engine() -> Iterator[pytest.MonkeyPatch]:
    """Let the scripts of this module count as the package's own."""
    own = scripts._own_texts()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scripts, "_own_texts", lambda: (*own, *OWN))
        scripts._own_digests.cache_clear()
        yield patch
    scripts._own_digests.cache_clear()


@pytest.fixture(scope="module")
def redis(engine: pytest.MonkeyPatch) -> Iterator[Redis]:
    with LocalUpstash() as server, Redis(server.url, server.token, rest_retries=0) as redis:
        yield redis


@pytest.fixture(scope="module")
def plain(engine: pytest.MonkeyPatch) -> Iterator[Redis]:
    with (
        LocalUpstash(key_locking=False) as server,
        Redis(server.url, server.token, rest_retries=0) as redis,
    ):
        yield redis


@pytest.fixture(scope="module")
def redis_7(engine: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    with (
        redis_server(tmp_path_factory.mktemp("redis")) as url,
        LocalUpstash(redis_url=url) as server,
        Redis(server.url, server.token, rest_retries=0) as redis,
    ):
        yield redis


def run(redis: Redis, command: str, script: str, *arguments: Any) -> Any:
    return redis.execute([command, script, 2, "k", "l", *arguments])


@pytest.mark.parametrize("name", CALLS)
def test_key_locking_allows_declared_keys_only(redis: Redis, name: str) -> None:
    declared, undeclared = CALLS[name]
    redis.flushdb()
    redis.rpush("k", "v") if name == "two keys" else None
    run(redis, "EVAL", f"{LOCKING}return {declared}", "other")
    redis.set("other", "kept")
    with pytest.raises(UpstashError, match="'allow-key-locking' flag is set"):
        run(redis, "EVAL", f"{LOCKING}return {undeclared}", "other")
    assert redis.get("other") == "kept"


def test_an_undeclared_key_is_named_as_the_service_does_with_its_line(redis: Redis) -> None:
    text = (
        "^ERR Error running script: @user_script:3: "
        "ERR Dynamic keys are not allowed in Lua scripts when 'allow-key-locking' flag is set"
    )
    with pytest.raises(UpstashError, match=text):
        run(redis, "EVAL", LOCKING + GET_OTHER, "other")


def test_without_the_flag_every_key_may_be_touched(redis: Redis) -> None:
    redis.set("other", "v")
    assert run(redis, "EVAL", GET_OTHER, "other") == "v"
    assert run(redis, "EVAL", NO_WRITES + GET_OTHER, "other") == "v"


@pytest.mark.parametrize("flags", [NO_WRITES, READING])
def test_a_script_with_no_writes_cannot_write(redis: Redis, flags: str) -> None:
    redis.set("k", "before")
    for command in ("EVAL", "EVAL_RO"):
        assert run(redis, command, flags + GET) == "before"
        with pytest.raises(UpstashError, match="Write commands are not allowed from read-only scripts"):
            run(redis, command, flags + SET, "after")
    assert redis.get("k") == "before"


def test_eval_ro_cannot_write(redis: Redis, redis_7: Redis) -> None:
    for each in (redis, redis_7):
        each.set("k", "before")
        assert run(each, "EVAL_RO", GET) == "before"
        with pytest.raises(UpstashError, match="Write commands are not allowed from read-only scripts"):
            run(each, "EVAL_RO", SET, "after")
        assert each.get("k") == "before"


def test_eval_ro_rejects_flags_that_allow_writes(redis: Redis) -> None:
    with pytest.raises(
        UpstashError, match=r"^ERR Can not execute a script with write flag using \*_ro command"
    ):
        run(redis, "EVAL_RO", LOCKING + GET)


@pytest.mark.parametrize("script", [GET, LOCKING + GET, READING + GET])
def test_a_digest_brings_the_flags_of_its_script(redis: Redis, script: str) -> None:
    redis.script_flush()
    digest = hashlib.sha1(script.encode()).hexdigest()
    with pytest.raises(UpstashError, match=r"^NOSCRIPT"):
        run(redis, "EVALSHA", digest)
    assert redis.script_load(script) == digest
    redis.set("k", "v")
    assert run(redis, "EVALSHA", digest) == "v"
    if script.startswith(LOCKING):
        with pytest.raises(UpstashError, match="write flag"):
            run(redis, "EVALSHA_RO", digest)
    else:
        assert run(redis, "EVALSHA_RO", digest) == "v"


def test_scripts_of_a_transaction_keep_their_own_flags(redis: Redis) -> None:
    redis.set("k", "v")
    redis.set("other", "w")
    transaction = redis.multi()
    transaction.eval(LOCKING + GET, ["k"])
    transaction.eval(GET_OTHER, ["k"], ["other"])
    assert transaction.exec() == ["v", "w"]


@pytest.mark.parametrize("command", ["EVAL", "EVAL_RO", "SCRIPT"])
def test_plain_redis_rejects_the_flag_and_so_does_the_engine_that_plays_it(
    plain: Redis, redis_7: Redis, command: str
) -> None:
    for redis in (plain, redis_7):
        for flags in (LOCKING, READING):
            text = flags + GET
            request = ["SCRIPT", "LOAD", text] if command == "SCRIPT" else [command, text, 1, "k"]
            with pytest.raises(UpstashError, match=f"^{UNKNOWN_FLAG}"):
                redis.execute(request)
        redis.set("k", "v")
        assert run(redis, "EVAL", GET) == run(redis, "EVAL_RO", NO_WRITES + GET) == "v"


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("#!lua flags=no-write\n", "ERR Unexpected flag in script shebang: no-write"),
        ("#!lua name=x\n", "ERR Unknown lua shebang option: name=x"),
        ("#!python\n", "ERR Unexpected engine in script shebang: #!python"),
    ],
)
def test_invalid_first_lines_are_rejected_as_redis_does(
    redis: Redis, redis_7: Redis, line: str, error: str
) -> None:
    for each in (redis, redis_7):
        with pytest.raises(UpstashError, match=error):
            run(each, "EVAL", line + GET)


def test_each_command_is_billed_and_a_script_is_one(engine: pytest.MonkeyPatch) -> None:
    with LocalUpstash() as server, Redis(server.url, server.token, rest_retries=0) as redis:
        spent = server.commands

        def cost(requests: int) -> int:
            assert spent.requests == requests
            billed, spent.requests, spent.billed = spent.billed, 0, 0
            return billed

        redis.get("k")
        assert cost(1) == 1
        redis.scan(0)
        assert cost(1) == 1
        redis.pipeline().get("a").get("b").scan(0).exec()
        assert cost(1) == 3
        redis.multi().set("a", "1").set("b", "2").exec()
        assert cost(1) == 2
        redis.eval(SET, ["k"], ["v"])
        assert cost(1) == 1
        with pytest.raises(UpstashError, match="WRONGTYPE"):
            redis.lpush("k", "x")
        assert cost(1) == 1
        with pytest.raises(UpstashError, match="not available"):
            redis.execute(["CONFIG", "GET", "*"])
        assert cost(1) == 0
        server.faults.add("drop_before")
        server.faults.add("refuse")
        server.faults.add("error", code="OOM command not allowed when used memory > 'maxmemory'.")
        for _ in range(3):
            with pytest.raises(Exception, match=r"disconnected|max commands|OOM"):
                redis.get("k")
        assert cost(3) == 0
        with Redis(server.url, "wrong", rest_retries=0) as stranger, pytest.raises(UpstashError):
            stranger.get("k")
        assert cost(0) == 0


def test_a_store_counts_what_the_server_was_asked() -> None:
    with LocalUpstash() as server, server.store() as store:
        store.append("s", ["a", "b"])
        store.read("s")
        list(store.session_ids())
        list(store.read_many(["s", "t"]))
        store.delete("s")
        assert (store.commands.requests, store.commands.billed) == (
            server.commands.requests,
            server.commands.billed,
        )
