"""Where Upstash differs from Redis, and fakeredis from both: commands put another way, and answers set right.

Each rule was seen in the test suites that Upstash publishes for its own SDKs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from chatmem_nb.local.upstash.replies import Command, Refusal, Reply


class Phrase(NamedTuple):
    """A command as the engine understands it, and how its answer is to be read."""

    command: Command
    read: Callable[[Reply], Reply] = lambda reply: reply


Rule = Callable[[Command], Phrase]


def phrase(command: Command, rules: Mapping[str, Rule]) -> Phrase:
    """Return `command` put as `rules` have it."""
    rule = rules.get(command[0].decode("ascii", "replace").upper())
    return rule(command) if rule else Phrase(command)


def _scan(command: Command) -> Phrase:
    """Upstash looks at more keys than Redis' ten where no COUNT is given."""
    return Phrase(command if _find(command, b"COUNT", 2) else [*command, b"COUNT", b"1000"])


_TRIM = b"""\
if redis.call('XLEN', KEYS[1]) - ARGV[1] < 100 then return 0 end
return redis.call('XTRIM', KEYS[1], 'MAXLEN', '=', ARGV[1])
"""


def _trim(command: Command) -> Phrase:
    """Asked for `~`, Upstash trims a stream exactly, or leaves less than a hundred entries too many."""
    match [argument.upper() for argument in command[2:4]], list(command):
        case [b"MAXLEN", b"~"], [_, key, _, _, length]:
            return Phrase([b"EVAL", _TRIM, b"1", key, length])
    return Phrase(command)


def _do_not_wait(command: Command) -> Phrase:
    """Over HTTP nothing waits: BLOCK is left out."""
    at, streams = _find(command, b"BLOCK", 1), _find(command, b"STREAMS", 1)
    return Phrase([*command[:at], *command[at + 2 :]] if 0 < at < streams else command, _null_if_empty)


def _null_if_empty(reply: Reply) -> Reply:
    return None if reply == [] else reply  # fakeredis reads an empty list where Redis reads nothing


def _store_range(command: Command) -> Phrase:
    """Upstash lets LIMIT follow a range of ranks too."""
    match [argument.upper() for argument in command[3:]], list(command):
        case [_, _, b"LIMIT", _, _], [name, to, key, *numbers] if all(
            n.isdigit() for n in numbers[:2] + numbers[3:]
        ):
            first, last, offset, count = (int(number) for number in (*numbers[:2], *numbers[3:]))
            start = first + offset
            return Phrase([name, to, key, b"%d" % start, b"%d" % min(last, start + count - 1)])
    return Phrase(command)


def _no_group_no_consumers(command: Command) -> Phrase:
    def read(reply: Reply) -> Reply:
        return [] if isinstance(reply, Refusal) and reply.text.startswith("NOGROUP") else reply

    return Phrase(command, read if _find(command, b"CONSUMERS", 1) == 1 else lambda reply: reply)


def _copy_onto_itself(command: Command) -> Phrase:
    """Upstash copies nothing where Redis refuses."""

    def read(reply: Reply) -> Reply:
        return 0 if isinstance(reply, Refusal) and "objects are the same" in reply.text else reply

    return Phrase(command, read)


def _touch(command: Command) -> Phrase:
    return Phrase([b"EXISTS", *command[1:]])


def _bitfield_ro(command: Command) -> Phrase:
    only_gets = all(word.upper() == b"GET" for word in command[2::3])
    return Phrase([b"BITFIELD" if only_gets else b"BITFIELD_RO", *command[1:]])


def _set_expiring(command: Command) -> Phrase:
    """fakeredis cuts the milliseconds off what SETEX and PSETEX set."""
    match command:
        case [name, key, time, value]:
            return Phrase([b"SET", key, value, b"EX" if name.upper() == b"SETEX" else b"PX", time])
    return Phrase(command)


def _one_random(command: Command) -> Phrase:
    """Redis answers with a list if a count was given, else with one or null; fakeredis mixes them."""

    def read(reply: Reply) -> Reply:
        if len(command) > 2:
            return [] if reply is None else reply
        return reply[0] if isinstance(reply, list) and reply else reply

    return Phrase(command, read)


def _sha_in_any_case(command: Command) -> Phrase:
    return Phrase([*command[:1], *(sha.lower() for sha in command[1:2]), *command[2:]])


def _find(command: Command, word: bytes, start: int) -> int:
    """Return where `word` stands in `command`, or 0."""
    return next((at for at in range(start, len(command)) if command[at].upper() == word), 0)


UPSTASH: Mapping[str, Rule] = {
    "COPY": _copy_onto_itself,
    "SCAN": _scan,
    "XTRIM": _trim,
    "XREAD": _do_not_wait,
    "XREADGROUP": _do_not_wait,
    "ZRANGESTORE": _store_range,
    "XINFO": _no_group_no_consumers,
}
"""How Upstash differs from Redis."""

FAKEREDIS: Mapping[str, Rule] = {
    "TOUCH": _touch,
    "BITFIELD_RO": _bitfield_ro,
    "SETEX": _set_expiring,
    "PSETEX": _set_expiring,
    "EVALSHA": _sha_in_any_case,
    "HRANDFIELD": _one_random,
    "ZRANDMEMBER": _one_random,
}
"""How fakeredis 2.40 differs from Redis."""
