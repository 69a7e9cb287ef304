"""Reads all keys of an engine as entries of a snapshot, and writes them back, by ordinary commands.

The values are those of Redis' replies:

- string: its text; list: its elements, first to last; set: its members
- zset: [member, score] each; geo, a sorted set made by GEOADD: [member, longitude, latitude] each
- hash: [field, value, expires at or null] each
- stream: [entries, last id, groups]; an entry is [id, [field, value, ...]], a group is
  [name, last delivered id, consumers, pending], a pending entry is [id, consumer, delivered at, deliveries]

Times are Unix times in milliseconds.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Iterator
from typing import Any, cast

from chatmem_nb.local.upstash.engine import Engine, EngineError
from chatmem_nb.local.upstash.replies import Command, ErrorReply
from chatmem_nb.local.upstash.snapshot import Content, Entry

_BATCH = 1000  # arguments of a command, or commands of a request
_NO_SUCH_KEY = -2  # the reply of PEXPIRETIME and HPEXPIRETIME for a key or a field that does not exist


class UnsavableKeyError(EngineError):
    """One key cannot be written to a snapshot; the others can."""


def read_contents(engine: Engine) -> tuple[list[Entry], list[UnsavableKeyError]]:
    """Return the entries of all keys of `engine`, and the errors of those that cannot be read.

    The caller excludes other commands meanwhile. Keys that expire while this runs are left out.
    """
    entries: list[Entry] = []
    failures: list[UnsavableKeyError] = []
    for key in sorted(_run(engine, b"KEYS", b"*")):
        try:
            entry = _read_entry(engine, key)
        except EngineError as error:
            failures.append(UnsavableKeyError(f"key {key!r:.80}: {error}"))
        else:
            entries += [entry] if entry else []
    return entries, failures


def write_contents(engine: Engine, entries: Iterable[Entry]) -> None:
    """Write `entries` to an empty `engine`, except those that have expired. Raises: EngineError."""
    now_ms = time.time() * 1000
    live = (each for each in entries if each.expires_at_ms is None or each.expires_at_ms > now_ms)
    commands = itertools.chain.from_iterable(map(_commands, live))
    while batch := list(itertools.islice(commands, _BATCH)):
        for command, reply in zip(batch, engine.run(batch), strict=True):
            if isinstance(reply, ErrorReply):
                raise EngineError(
                    f"cannot restore a key of the snapshot: {command[0].decode()}: {reply.text}"
                )


def _run(engine: Engine, *command: bytes) -> Any:
    [reply] = engine.run([command])
    if isinstance(reply, ErrorReply):
        raise EngineError(f"{command[0].decode()}: {reply.text}")
    return reply


def _read_entry(engine: Engine, key: bytes) -> Entry | None:
    """Read one key; None if it has expired.

    The expiry is read last: since no other command runs meanwhile, a key that still exists then was there,
    unchanged, for all commands before.
    """
    try:
        kind = cast(bytes, _run(engine, b"TYPE", key)).decode()
        if kind == "zset" and _is_geo(engine, key):
            kind = "geo"
        value = _value(engine, kind, key)
    except EngineError:
        if not _run(engine, b"EXISTS", key):
            return None
        raise
    expires_at_ms = _run(engine, b"PEXPIRETIME", key)
    if expires_at_ms == _NO_SUCH_KEY:
        return None
    return Entry(key, kind, expires_at_ms if expires_at_ms >= 0 else None, value)


def _is_geo(engine: Engine, key: bytes) -> bool:
    """Whether GEOADD made the sorted set: in fakeredis 2.40, its scores are geohash letters."""
    try:
        [float(score) for score in _run(engine, b"ZRANGE", key, b"0", b"-1", b"WITHSCORES")[1::2]]
    except ValueError:
        return True
    return False


def _value(engine: Engine, kind: str, key: bytes) -> Content:
    match kind:
        case "string":
            return cast(Content, _run(engine, b"GET", key))
        case "list":
            return cast(Content, _run(engine, b"LRANGE", key, b"0", b"-1"))
        case "set":
            return cast(Content, sorted(_run(engine, b"SMEMBERS", key)))
        case "zset":
            return _pairs(_run(engine, b"ZRANGE", key, b"0", b"-1", b"WITHSCORES"))
        case "geo":
            members = _run(engine, b"ZRANGE", key, b"0", b"-1")
            places = _run(engine, b"GEOPOS", key, *members)
            return [[member, *place] for member, place in zip(members, places, strict=True) if place]
        case "hash":
            return _hash(engine, key)
        case "stream":
            return _stream(engine, key)
    raise EngineError(f"cannot save a key of type {kind}")


def _pairs(flat: list[Any]) -> list[Any]:
    return [list(pair) for pair in zip(flat[::2], flat[1::2], strict=True)]


def _hash(engine: Engine, key: bytes) -> Content:
    pairs = _pairs(_run(engine, b"HGETALL", key))
    if not pairs:  # the last of its fields has expired
        return []
    fields = [field for field, _ in pairs]
    times = _run(engine, b"HPEXPIRETIME", key, b"FIELDS", b"%d" % len(fields), *fields)
    if len(times) != len(fields):  # the hash itself has expired
        raise EngineError("no such key")
    timed = zip(pairs, times, strict=True)
    return [[*pair, at if at >= 0 else None] for pair, at in timed if at != _NO_SUCH_KEY]


def _stream(engine: Engine, key: bytes) -> Content:
    about = dict(_pairs(_run(engine, b"XINFO", b"STREAM", key)))
    groups = [dict(_pairs(group)) for group in _run(engine, b"XINFO", b"GROUPS", key)]
    return [
        _run(engine, b"XRANGE", key, b"-", b"+"),
        about[b"last-generated-id"],
        [[group[b"name"], group[b"last-delivered-id"], *_consumers(engine, key, group)] for group in groups],
    ]


def _consumers(engine: Engine, key: bytes, group: dict[bytes, Any]) -> tuple[Content, Content]:
    consumers = [dict(_pairs(each)) for each in _run(engine, b"XINFO", b"CONSUMERS", key, group[b"name"])]
    count = b"%d" % max(1, group[b"pending"])
    pending = _run(engine, b"XPENDING", key, group[b"name"], b"-", b"+", count)
    now_ms = int(time.time() * 1000)
    return (
        [each[b"name"] for each in consumers],
        [[entry_id, consumer, now_ms - idle_ms, times] for entry_id, consumer, idle_ms, times in pending],
    )


def _commands(entry: Entry) -> Iterator[Command]:
    """Yield the commands that create this key."""
    key, value = entry.key, cast(Any, entry.value)
    match entry.type:
        case "string":
            yield [b"SET", key, value]
        case "list":
            yield from _in_batches(b"RPUSH", key, value)
        case "set":
            yield from _in_batches(b"SADD", key, value)
        case "zset":
            yield from _in_batches(
                b"ZADD", key, [part for member, score in value for part in (score, member)]
            )
        case "geo":
            yield from ([b"GEOADD", key, east, north, member] for member, east, north in value)
        case "hash":
            yield from _in_batches(b"HSET", key, [part for field, text, _ in value for part in (field, text)])
            for field, _, at in value:
                if at is not None:
                    yield [b"HPEXPIREAT", key, b"%d" % at, b"FIELDS", b"1", field]
        case "stream":
            yield from _stream_commands(key, *value)
        case kind:
            raise EngineError(f"unknown type in the snapshot: {kind}")
    if entry.expires_at_ms is not None:
        yield [b"PEXPIREAT", key, b"%d" % entry.expires_at_ms]


def _in_batches(name: bytes, key: bytes, arguments: list[bytes]) -> Iterator[Command]:
    for first in range(0, len(arguments), _BATCH):
        yield [name, key, *arguments[first : first + _BATCH]]


def _stream_commands(key: bytes, entries: list[Any], last_id: bytes, groups: list[Any]) -> Iterator[Command]:
    for entry_id, fields in entries:
        yield [b"XADD", key, entry_id, *fields]
    newest_id = entries[-1][0] if entries else b"0-0"
    if last_id != newest_id:  # the entry of the last id was deleted; the id must not be used again
        yield [b"XADD", key, last_id, b"", b""]
        yield [b"XDEL", key, last_id]
    for name, delivered_id, consumers, pending in groups:
        yield [b"XGROUP", b"CREATE", key, name, delivered_id, b"MKSTREAM"]
        for consumer in consumers:
            yield [b"XGROUP", b"CREATECONSUMER", key, name, consumer]
        for entry_id, consumer, delivered_at_ms, deliveries in pending:
            claim = [b"XCLAIM", key, name, consumer, b"0", entry_id, b"TIME", b"%d" % delivered_at_ms]
            yield [*claim, b"RETRYCOUNT", b"%d" % deliveries, b"FORCE", b"JUSTID"]
