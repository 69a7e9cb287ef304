"""The commands that LocalUpstash runs, and which of them write.

https://upstash.com/docs/redis/overall/rediscompatibility lists the commands of the service. Excluded here
are those that need a connection's state (AUTH, SELECT, MULTI, WATCH, SUBSCRIBE), that block (BLPOP), or that
administer a server (ACL, CONFIG).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from chatmem_nb.local.upstash.replies import Command, ErrorReply, command_name
from chatmem_nb.local.upstash.scripts import is_own_digest, is_own_script

_READING = {
    "strings": "GET GETRANGE LCS MGET STRLEN SUBSTR",
    "bits and counts": "BITCOUNT BITFIELD_RO BITPOS GETBIT PFCOUNT",
    "keys": "DUMP EXISTS EXPIRETIME KEYS PEXPIRETIME PTTL RANDOMKEY SCAN TOUCH TTL TYPE",
    "geo": "GEODIST GEOHASH GEOPOS GEORADIUSBYMEMBER_RO GEORADIUS_RO GEOSEARCH",
    "hashes": "HEXISTS HEXPIRETIME HGET HGETALL HKEYS HLEN HMGET HPEXPIRETIME HPTTL HRANDFIELD HSCAN HSTRLEN "
    "HTTL HVALS",
    "lists": "LINDEX LLEN LPOS LRANGE",
    "sets": "SCARD SDIFF SINTER SINTERCARD SISMEMBER SMEMBERS SMISMEMBER SRANDMEMBER SSCAN SUNION",
    "sorted sets": "ZCARD ZCOUNT ZDIFF ZINTER ZINTERCARD ZLEXCOUNT ZMSCORE ZRANDMEMBER ZRANGE ZRANGEBYLEX "
    "ZRANGEBYSCORE ZRANK ZREVRANGE ZREVRANGEBYLEX ZREVRANGEBYSCORE ZREVRANK ZSCAN ZSCORE ZUNION",
    "streams": "XINFO XLEN XPENDING XRANGE XREAD XREVRANGE",
    "JSON": "JSON.ARRINDEX JSON.ARRLEN JSON.GET JSON.MGET JSON.OBJKEYS JSON.OBJLEN JSON.RESP JSON.STRLEN "
    "JSON.TYPE",
    "scripts": "EVALSHA_RO EVAL_RO FCALL_RO SCRIPT",
    "server": "DBSIZE ECHO PING PUBLISH TIME",
}

_WRITING = {
    "strings": "APPEND DECR DECRBY GETDEL GETEX GETSET INCR INCRBY INCRBYFLOAT MSET MSETNX PSETEX SET SETEX "
    "SETNX SETRANGE",
    "bits and counts": "BITFIELD BITOP SETBIT PFADD PFMERGE",
    "keys": "COPY DEL EXPIRE EXPIREAT PERSIST PEXPIRE PEXPIREAT RENAME RENAMENX RESTORE UNLINK",
    "geo": "GEOADD GEORADIUS GEORADIUSBYMEMBER GEOSEARCHSTORE",
    "hashes": "HDEL HEXPIRE HEXPIREAT HGETDEL HGETEX HINCRBY HINCRBYFLOAT HMSET HPERSIST HPEXPIRE HPEXPIREAT "
    "HSET HSETEX HSETNX",
    "lists": "LINSERT LMOVE LMPOP LPOP LPUSH LPUSHX LREM LSET LTRIM RPOP RPOPLPUSH RPUSH RPUSHX",
    "sets": "SADD SDIFFSTORE SINTERSTORE SMOVE SPOP SREM SUNIONSTORE",
    "sorted sets": "ZADD ZDIFFSTORE ZINCRBY ZINTERSTORE ZMPOP ZPOPMAX ZPOPMIN ZRANGESTORE ZREM "
    "ZREMRANGEBYLEX ZREMRANGEBYRANK ZREMRANGEBYSCORE ZUNIONSTORE",
    "streams": "XACK XACKDEL XADD XAUTOCLAIM XCLAIM XDEL XDELEX XGROUP XREADGROUP XTRIM",
    "JSON": "JSON.ARRAPPEND JSON.ARRINSERT JSON.ARRPOP JSON.ARRTRIM JSON.CLEAR JSON.DEL JSON.FORGET "
    "JSON.MERGE JSON.MSET JSON.NUMINCRBY JSON.NUMMULTBY JSON.SET JSON.STRAPPEND JSON.TOGGLE",
    "scripts": "EVAL EVALSHA FCALL FUNCTION",
    "server": "FLUSHALL FLUSHDB",
}


def _names(groups: dict[str, str]) -> frozenset[str]:
    return frozenset(" ".join(groups.values()).split())


WRITES = _names(_WRITING)
"""Commands that may change a key."""

ALLOWED = _names(_READING) | WRITES

# fakeredis 2.40: RESTORE unpickles what a client sends, and FUNCTION gives Lua access to Python.
NOT_EMBEDDED = frozenset({"DUMP", "RESTORE", "FUNCTION", "FCALL", "FCALL_RO"}) | {
    name for name in ALLOWED if name.startswith("JSON.")
}
"""Commands that the embedded engine does not have."""

_NOT_OUR_SCRIPT = ErrorReply(
    "ERR only the scripts of chatmem_nb run here; for others, use a Redis server: "
    'LocalUpstash(redis_url=..., scripts="any")'
)
_UNKNOWN_SCRIPT = ErrorReply("NOSCRIPT No matching script. Please use EVAL.")


@dataclass(frozen=True, slots=True)
class CommandAllowlist:
    """Which commands and scripts are rejected before they reach an engine."""

    scripts: Literal["own", "any"]
    """`own`: only those that this package sends, identified by digest."""
    unavailable: frozenset[str] = frozenset()
    """Commands that the engine does not have."""

    def rejection(self, command: Command) -> ErrorReply | None:
        """Return the error for a command that may not run; None if it may."""
        name = command_name(command)
        if name not in ALLOWED or name in self.unavailable:
            return ErrorReply(
                f"ERR Command is not available: '{name[:64]}'. "
                "See https://upstash.com/docs/redis/overall/rediscompatibility for details"
            )
        return None if self.scripts == "any" else _script_rejection(name, command)


def _script_rejection(name: str, command: Command) -> ErrorReply | None:
    subject = command[1] if len(command) > 1 else b""
    match name:
        case "EVAL" | "EVAL_RO" if not is_own_script(subject):
            return _NOT_OUR_SCRIPT
        case "EVALSHA" | "EVALSHA_RO" if not is_own_digest(subject):
            return _UNKNOWN_SCRIPT
        case "SCRIPT" if subject.upper() == b"LOAD" and not is_own_script(b"".join(command[2:3])):
            return _NOT_OUR_SCRIPT
        case "FUNCTION" | "FCALL" | "FCALL_RO":
            return _NOT_OUR_SCRIPT
    return None
