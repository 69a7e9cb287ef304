"""Commands and their answers over the wire, on both engines, in plain text and in base64."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from chatmem_nb.local import LocalUpstash
from tests.redis_server import redis_server


class Says(str):
    """An error whose text matches this."""


class Like(str):
    """A text that matches this."""


class Near(int):
    """This number of seconds, or one less, since time passes."""


class AnyOrder(list[Any]):
    """A list of these elements in any order."""


CASES: dict[str, list[tuple[str, Any]]] = {
    "a string": [
        ("SET k v", "OK"),
        ("GET k", "v"),
        ("GET missing", None),
        ("APPEND k alue", 5),
        ("STRLEN k", 5),
        ("GETRANGE k 1 2", "al"),
        ("SETRANGE k 1 OO", 5),
        ("GETSET k new", "vOOue"),
        ("GETDEL k", "new"),
        ("EXISTS k", 0),
    ],
    "several strings": [
        ("MSET a 1 b 2", "OK"),
        ("MGET a b c", ["1", "2", None]),
        ("MSETNX a 3 c 3", 0),
        ("MSETNX c 3 d 4", 1),
        ("SETNX a 9", 0),
        ("LCS a b", ""),
        ("TOUCH a b missing", 2),
        ("EXISTS a b a", 3),
        ("UNLINK a b missing", 2),
    ],
    "a number": [
        ("INCR n", 1),
        ("INCRBY n 41", 42),
        ("DECR n", 41),
        ("DECRBY n 40", 1),
        ("INCRBYFLOAT n 0.5", "1.5"),
        ("INCR n", Says("ERR value is not an integer or out of range")),
        ("SET n 9223372036854775807", "OK"),
        ("INCR n", Says("ERR increment or decrement would overflow")),
    ],
    "conditions of SET": [
        ("SET k v XX", None),
        ("SET k v NX", "OK"),
        ("SET k w NX", None),
        ("SET k w GET", "v"),
        ("SET k w EX 100", "OK"),
        ("SET k x KEEPTTL", "OK"),
        ("TTL k", Near(100)),
        ("SET k x EX 0", Says("ERR invalid expire time")),
    ],
    "expiry": [
        ("SETEX k 100 v", "OK"),
        ("TTL k", Near(100)),
        ("PSETEX k 100000 v", "OK"),
        ("TTL k", Near(100)),
        ("PERSIST k", 1),
        ("TTL k", -1),
        ("EXPIRE k 200 XX", 0),
        ("EXPIRE k 200 NX", 1),
        ("PEXPIRE k 300000 GT", 1),
        ("TTL k", Near(300)),
        ("GETEX k PERSIST", "v"),
        ("EXPIREAT k 4102444800", 1),
        ("EXPIRETIME k", 4102444800),
        ("PEXPIRETIME k", 4102444800000),
        ("TTL missing", -2),
        ("PEXPIREAT k 1", 1),
        ("EXISTS k", 0),
    ],
    "names of keys": [
        ("MSET a:1 x a:2 y b z", "OK"),
        ("KEYS a:*", AnyOrder(["a:1", "a:2"])),
        ("SCAN 0", ["0", AnyOrder(["a:1", "a:2", "b"])]),
        ("SCAN 0 MATCH a:?", ["0", AnyOrder(["a:1", "a:2"])]),
        ("SCAN 0 TYPE list", ["0", []]),
        ("RENAME b c", "OK"),
        ("RENAMENX c a:1", 0),
        ("COPY c d", 1),
        ("COPY c d", 0),
        ("COPY c d REPLACE", 1),
        ("COPY c c", 0),
        ("TYPE c", "string"),
        ("TYPE missing", "none"),
        ("RENAME missing c", Says("ERR no such key")),
        ("DBSIZE", 4),
        ("FLUSHDB", "OK"),
        ("RANDOMKEY", None),
    ],
    "a list, as histories use it": [
        ("LPUSH l 1 2 3", 3),
        ("LRANGE l 0 -1", ["3", "2", "1"]),
        ("LRANGE l -2 -1", ["2", "1"]),
        ("LRANGE l 5 9", []),
        ("LLEN l", 3),
        ("LINDEX l -1", "1"),
        ("LINDEX l 7", None),
        ("LSET l 1 two", "OK"),
        ("LSET l 7 x", Says("ERR index out of range")),
        ("LREM l 1 two", 1),
        ("LTRIM l 0 0", "OK"),
        ("LRANGE l 0 -1", ["3"]),
    ],
    "a list, its other commands": [
        ("RPUSH l a b c b", 4),
        ("LPUSHX missing x", 0),
        ("RPUSHX l d", 5),
        ("LINSERT l BEFORE c x", 6),
        ("LPOS l b RANK -1", 4),
        ("LPOS l b COUNT 0", [1, 4]),
        ("LPOP l 2", ["a", "b"]),
        ("RPOP l", "d"),
        ("LMOVE l m LEFT RIGHT", "x"),
        ("RPOPLPUSH l m", "b"),
        ("LMPOP 2 none m LEFT COUNT 5", ["m", ["b", "x"]]),
        ("LPOP missing", None),
        ("LPOP missing 2", None),
    ],
    "a hash": [
        ("HSET h a 1 b 2", 2),
        ("HSET h a 3", 0),
        ("HGET h a", "3"),
        ("HMGET h a c", ["3", None]),
        ("HGETALL h", ["a", "3", "b", "2"]),
        ("HGETALL missing", []),
        ("HSETNX h a 9", 0),
        ("HINCRBY h b 40", 42),
        ("HINCRBYFLOAT h b 0.5", "42.5"),
        ("HKEYS h", ["a", "b"]),
        ("HVALS h", ["3", "42.5"]),
        ("HLEN h", 2),
        ("HSTRLEN h b", 4),
        ("HEXISTS h c", 0),
        ("HSCAN h 0", ["0", ["a", "3", "b", "42.5"]]),
        ("HRANDFIELD h", Like("a|b")),
        ("HRANDFIELD missing", None),
        ("HRANDFIELD missing 2", []),
        ("HDEL h a b c", 2),
        ("EXISTS h", 0),
    ],
    "a set": [
        ("SADD s a b c", 3),
        ("SADD s a", 0),
        ("SADD t b c d", 3),
        ("SMEMBERS s", AnyOrder(["a", "b", "c"])),
        ("SCARD s", 3),
        ("SISMEMBER s a", 1),
        ("SMISMEMBER s a z", [1, 0]),
        ("SINTER s t", AnyOrder(["b", "c"])),
        ("SINTERCARD 2 s t", 2),
        ("SUNION s t", AnyOrder(["a", "b", "c", "d"])),
        ("SDIFF s t", ["a"]),
        ("SDIFFSTORE u s t", 1),
        ("SMOVE s t a", 1),
        ("SREM t a b c", 3),
        ("SPOP t", "d"),
        ("SRANDMEMBER u", "a"),
        ("SSCAN u 0", ["0", ["a"]]),
    ],
    "a sorted set": [
        ("ZADD z 1 a 2.5 b 3 c", 3),
        ("ZADD z XX CH 4 c 9 d", 1),
        ("ZADD z INCR 1 a", "2"),
        ("ZSCORE z b", "2.5"),
        ("ZMSCORE z a missing", ["2", None]),
        ("ZRANGE z 0 -1 WITHSCORES", ["a", "2", "b", "2.5", "c", "4"]),
        ("ZRANGE z (2 +inf BYSCORE", ["b", "c"]),
        ("ZRANGE z 0 0 REV", ["c"]),
        ("ZRANGEBYSCORE z -inf +inf LIMIT 1 1", ["b"]),
        ("ZREVRANGE z 0 0", ["c"]),
        ("ZRANGESTORE y z 0 9 LIMIT 1 1", 1),
        ("ZRANGE y 0 -1", ["b"]),
        ("ZRANK z c", 2),
        ("ZREVRANK z c", 0),
        ("ZCOUNT z 2 3", 2),
        ("ZINCRBY z 1 a", "3"),
        ("ZUNION 2 z y WITHSCORES", ["a", "3", "c", "4", "b", "5"]),
        ("ZINTERSTORE w 2 z y", 1),
        ("ZPOPMIN z", ["b", "2.5"]),
        ("ZMPOP 1 z MAX", ["z", [["c", "4"]]]),
        ("ZRANDMEMBER z", "a"),
        ("ZSCAN z 0", ["0", ["a", "3"]]),
        ("ZREMRANGEBYRANK z 0 -1", 1),
        ("ZCARD z", 0),
    ],
    "words in order": [
        ("ZADD z 0 a 0 b 0 c", 3),
        ("ZRANGEBYLEX z [b +", ["b", "c"]),
        ("ZLEXCOUNT z - (c", 2),
        ("ZREMRANGEBYLEX z - [b", 2),
    ],
    "bits and counts": [
        ("SETBIT b 7 1", 0),
        ("GETBIT b 7", 1),
        ("BITCOUNT b", 1),
        ("BITPOS b 1", 7),
        ("BITOP NOT c b", 1),
        ("BITFIELD b SET u4 0 3 GET u4 0", [0, 3]),
        ("BITFIELD_RO b GET u4 0", [3]),
        ("PFADD p a b c", 1),
        ("PFCOUNT p", 3),
        ("PFMERGE q p", "OK"),
    ],
    "a stream": [
        ("XADD s 1-1 f v", "1-1"),
        ("XADD s 1-2 f w g x", "1-2"),
        ("XADD s 1-2 f w", Says("ERR The ID specified in XADD is equal or smaller")),
        ("XLEN s", 2),
        ("XRANGE s - +", [["1-1", ["f", "v"]], ["1-2", ["f", "w", "g", "x"]]]),
        ("XREVRANGE s + - COUNT 1", [["1-2", ["f", "w", "g", "x"]]]),
        ("XREAD COUNT 1 STREAMS s 1-1", [["s", [["1-2", ["f", "w", "g", "x"]]]]]),
        ("XREAD BLOCK 60000 STREAMS s 9-9", None),
        ("XGROUP CREATE s g 0", "OK"),
        ("XREADGROUP GROUP g me COUNT 1 STREAMS s >", [["s", [["1-1", ["f", "v"]]]]]),
        ("XACK s g 1-1", 1),
        ("XINFO CONSUMERS s nobody", []),
        ("XDEL s 1-1", 1),
        ("XTRIM s MAXLEN ~ 0", 0),
        ("XTRIM s MAXLEN = 0", 1),
    ],
    "values of the wrong kind": [
        ("SET k v", "OK"),
        ("LPUSH k x", Says("WRONGTYPE Operation against a key holding the wrong kind of value")),
        ("HGET k f", Says("WRONGTYPE")),
        ("LPUSH k", Says("ERR wrong number of arguments for 'lpush' command")),
        ("EXPIRE k soon", Says("ERR value is not an integer or out of range")),
    ],
    "the server": [
        ("PING", "PONG"),
        ("PING hello", "hello"),
        ("ECHO hello", "hello"),
        ("PUBLISH channel word", 0),
        ("FLUSHALL", "OK"),
        ("NONSENSE x", Says("ERR Command is not available: 'NONSENSE'")),
        ("CONFIG GET *", Says("ERR Command is not available: 'CONFIG'")),
    ],
}

# The embedded engine runs the scripts of this package only; see test_local_upstash_scripts.py.
REDIS_ONLY: dict[str, list[tuple[str, Any]]] = {
    "scripts": [
        ("EVAL return{1,'OK',{KEYS[1],ARGV[1]},false} 1 k a", [1, "OK", ["k", "a"], None]),
        ("EVAL return{ok='FINE'} 0", "FINE"),
        (r"EVAL return{err='MINE\32too'} 0", Says("MINE too")),
        ("EVAL return(1.9) 0", 1),
        ("EVAL return(nil) 0", None),
        ("EVAL return(redis.call('SET',KEYS[1],ARGV[1])) 1 k v", "OK"),
        ("EVAL return(redis.call('GET',KEYS[1])) 1 k", "v"),
        ("EVAL return(redis.pcall('LPUSH',KEYS[1],'x')) 1 k", Says("WRONGTYPE")),
        ("EVAL return(redis.call('LPUSH',KEYS[1],'x')) 1 k", Says(".*WRONGTYPE")),
        ("EVAL return(cjson.encode({a=1})) 0", '{"a":1}'),
        ("EVAL return(cjson.decode(ARGV[1])[2]) 0 [1,5]", 5),
        ("EVAL return(redis.sha1hex('')) 0", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
        ("EVAL x=1 0", Says("(?i).*(readonly|global)")),
        ("EVAL return+ 0", Says("ERR Error compiling script")),
        ("EVAL_RO return(redis.call('GET',KEYS[1])) 1 k", "v"),
        ("EVAL_RO return(redis.call('DEL',KEYS[1])) 1 k", Says("ERR.*Write commands are not allowed")),
        ("SCRIPT LOAD return(7)", "bc70ae583496ef68242126e5f723b4224435af02"),
        ("EVALSHA bc70ae583496ef68242126e5f723b4224435af02 0", 7),
        ("EVALSHA_RO bc70ae583496ef68242126e5f723b4224435af02 0", 7),
        ("SCRIPT EXISTS bc70ae583496ef68242126e5f723b4224435af02 0", [1, 0]),
        ("SCRIPT FLUSH", "OK"),
        ("EVALSHA bc70ae583496ef68242126e5f723b4224435af02 0", Says("NOSCRIPT No matching script")),
    ],
}

# Commands that Redis 7.0 does not have.
EMBEDDED_ONLY: dict[str, list[tuple[str, Any]]] = {
    "fields that expire": [
        ("HSET h a 1 b 2", 2),
        ("HEXPIRE h 100 FIELDS 2 a missing", [1, -2]),
        ("HTTL h FIELDS 2 a b", [Near(100), -1]),
        ("HPERSIST h FIELDS 1 a", [1]),
        ("HGETDEL h FIELDS 1 a", ["1"]),
        ("HGETEX h EX 10 FIELDS 1 b", ["2"]),
        ("HSETEX h EX 10 FIELDS 1 c 3", 1),
    ],
    "entries that go for good": [
        ("XADD s 1-1 f v", "1-1"),
        ("XDELEX s IDS 2 1-1 9-9", [1, -1]),
    ],
}


@pytest.fixture(scope="module", params=["embedded", "redis-server"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalUpstash]:
    if request.param == "embedded":
        with LocalUpstash() as server:
            yield server
    else:
        with (
            redis_server(tmp_path_factory.mktemp("redis")) as url,
            LocalUpstash(redis_url=url, scripts="any") as server,
        ):
            yield server


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False) as client:
        yield client


def ask(client: httpx.Client, server: LocalUpstash, commands: list[list[str]], **headers: str) -> list[Any]:
    headers["Authorization"] = f"Bearer {server.token}"
    answer = client.post(f"{server.url}/pipeline", json=commands, headers=headers)
    assert answer.status_code == 200
    return list(answer.json())


def decoded(result: Any) -> Any:
    if isinstance(result, list):
        return [decoded(element) for element in result]
    if isinstance(result, str) and result != "OK":
        return base64.b64decode(result, validate=True).decode()
    return result


def fits(result: Any, expected: Any) -> bool:
    if isinstance(expected, Like):
        return isinstance(result, str) and re.fullmatch(expected, result) is not None
    if isinstance(expected, Near):
        return result in (expected, expected - 1)
    if isinstance(expected, AnyOrder):
        return sorted(result) == sorted(expected)
    if isinstance(expected, list):
        return len(result) == len(expected) and all(map(fits, result, expected))
    return type(result) is type(expected) and result == expected


@pytest.mark.parametrize("encoding", ["plain", "base64"])
@pytest.mark.parametrize("name", CASES)
def test_a_command_responds_as_the_service_does(
    server: LocalUpstash, client: httpx.Client, name: str, encoding: str
) -> None:
    check(server, client, CASES[name], encoding)


@pytest.mark.parametrize("name", REDIS_ONLY)
def test_a_redis_server_runs_all_scripts(client: httpx.Client, tmp_path: Path, name: str) -> None:
    with redis_server(tmp_path) as url, LocalUpstash(redis_url=url, scripts="any") as server:
        check(server, client, REDIS_ONLY[name], "plain")


@pytest.mark.parametrize("name", EMBEDDED_ONLY)
def test_the_embedded_engine_has_commands_of_redis_8(client: httpx.Client, name: str) -> None:
    with LocalUpstash() as server:
        check(server, client, EMBEDDED_ONLY[name], "plain")


def check(server: LocalUpstash, client: httpx.Client, steps: list[tuple[str, Any]], encoding: str) -> None:
    headers = {"Upstash-Encoding": "base64"} if encoding == "base64" else {}
    ask(client, server, [["FLUSHALL"]])
    answers = ask(client, server, [command.split(" ") for command, _ in steps], **headers)
    for (command, expected), answer in zip(steps, answers, strict=True):
        if isinstance(expected, Says):
            assert re.match(expected, answer.get("error", "")), (command, answer)
        else:
            result = answer.get("result", answer)
            assert fits(decoded(result) if encoding == "base64" else result, expected), (command, answer)
