"""Rewrites commands and replies where Upstash differs from Redis, or fakeredis from both.

Each rule makes a test pass in the suites that Upstash publishes for its own SDKs. The commands are documented
at https://upstash.com/docs/redis/sdks/ts/commands/overview
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from chatmem_nb.local.upstash.replies import Command, ErrorReply, Reply, command_name


class Rewrite(NamedTuple):
    """A command as the engine expects it, and a function that converts the reply."""

    command: Command
    convert: Callable[[Reply], Reply] = lambda reply: reply


Rule = Callable[[Command], Rewrite]


def rewrite(command: Command, rules: Mapping[str, Rule]) -> Rewrite:
    """Apply the rule for `command`, if there is one."""
    rule = rules.get(command_name(command))
    return rule(command) if rule else Rewrite(command)


def _scan(command: Command) -> Rewrite:
    """Without COUNT, Upstash scans more keys than the ten of Redis."""
    return Rewrite(command if _find(command, b"COUNT", 2) else [*command, b"COUNT", b"1000"])


_TRIM = b"""\
if redis.call('XLEN', KEYS[1]) - ARGV[1] < 100 then return 0 end
return redis.call('XTRIM', KEYS[1], 'MAXLEN', '=', ARGV[1])
"""


def _trim(command: Command) -> Rewrite:
    """With `~`, Upstash trims a stream exactly, but not if it is less than 100 entries too long."""
    match [argument.upper() for argument in command[2:4]], list(command):
        case [b"MAXLEN", b"~"], [_, key, _, _, length]:
            return Rewrite([b"EVAL", _TRIM, b"1", key, length])
    return Rewrite(command)


def _drop_block(command: Command) -> Rewrite:
    """Upstash does not block over HTTP."""
    at, streams = _find(command, b"BLOCK", 1), _find(command, b"STREAMS", 1)
    return Rewrite([*command[:at], *command[at + 2 :]] if 0 < at < streams else command, _null_if_empty)


def _null_if_empty(reply: Reply) -> Reply:
    """fakeredis replies with an empty list where Redis replies with null."""
    return None if reply == [] else reply


def _store_range(command: Command) -> Rewrite:
    """Upstash accepts LIMIT with a range of ranks too."""
    match [argument.upper() for argument in command[3:]], list(command):
        case [_, _, b"LIMIT", _, _], [name, to, key, *numbers] if all(
            n.isdigit() for n in numbers[:2] + numbers[3:]
        ):
            first, last, offset, count = (int(number) for number in (*numbers[:2], *numbers[3:]))
            start = first + offset
            return Rewrite([name, to, key, b"%d" % start, b"%d" % min(last, start + count - 1)])
    return Rewrite(command)


def _consumers_of_no_group(command: Command) -> Rewrite:
    """Upstash replies with an empty list where Redis replies with an error."""

    def convert(reply: Reply) -> Reply:
        return [] if isinstance(reply, ErrorReply) and reply.text.startswith("NOGROUP") else reply

    return Rewrite(command, convert if _find(command, b"CONSUMERS", 1) == 1 else lambda reply: reply)


def _copy_onto_itself(command: Command) -> Rewrite:
    """Upstash replies 0 where Redis replies with an error."""

    def convert(reply: Reply) -> Reply:
        return 0 if isinstance(reply, ErrorReply) and "objects are the same" in reply.text else reply

    return Rewrite(command, convert)


def _touch(command: Command) -> Rewrite:
    return Rewrite([b"EXISTS", *command[1:]])


def _bitfield_ro(command: Command) -> Rewrite:
    only_gets = all(word.upper() == b"GET" for word in command[2::3])
    return Rewrite([b"BITFIELD" if only_gets else b"BITFIELD_RO", *command[1:]])


def _set_expiring(command: Command) -> Rewrite:
    """fakeredis drops the milliseconds of SETEX and PSETEX."""
    match command:
        case [name, key, time, value]:
            return Rewrite([b"SET", key, value, b"EX" if name.upper() == b"SETEX" else b"PX", time])
    return Rewrite(command)


def _one_random(command: Command) -> Rewrite:
    """Redis replies with a list if there is a count, else with one element; fakeredis confuses the two."""

    def convert(reply: Reply) -> Reply:
        if len(command) > 2:
            return [] if reply is None else reply
        return reply[0] if isinstance(reply, list) and reply else reply

    return Rewrite(command, convert)


def _lower_case_digest(command: Command) -> Rewrite:
    return Rewrite([*command[:1], *(sha.lower() for sha in command[1:2]), *command[2:]])


def _find(command: Command, word: bytes, start: int) -> int:
    """Return the index of `word` in `command`, or 0."""
    return next((at for at in range(start, len(command)) if command[at].upper() == word), 0)


UPSTASH: Mapping[str, Rule] = {
    "COPY": _copy_onto_itself,
    "SCAN": _scan,
    "XTRIM": _trim,
    "XREAD": _drop_block,
    "XREADGROUP": _drop_block,
    "ZRANGESTORE": _store_range,
    "XINFO": _consumers_of_no_group,
}
"""How Upstash differs from Redis."""

FAKEREDIS: Mapping[str, Rule] = {
    "TOUCH": _touch,
    "BITFIELD_RO": _bitfield_ro,
    "SETEX": _set_expiring,
    "PSETEX": _set_expiring,
    "EVALSHA": _lower_case_digest,
    "HRANDFIELD": _one_random,
    "ZRANDMEMBER": _one_random,
}
"""How fakeredis 2.40 differs from Redis."""
