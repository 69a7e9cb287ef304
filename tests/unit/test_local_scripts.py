"""Flags and declared keys of Lua scripts, and which scripts are this package's own."""

from __future__ import annotations

import pytest

from chatmem_nb.local.upstash.scripts import (
    ScriptError,
    check_declared_keys,
    is_own_digest,
    is_own_script,
    parse_script,
    sha1,
)
from chatmem_nb.stores.upstash.scripts import SCRIPTS


@pytest.mark.parametrize(
    ("text", "body", "flags"),
    [
        (b"return 1", b"return 1", set()),
        (b"#!lua\nreturn 1", b"\nreturn 1", set()),
        (b"#!lua flags=\nreturn 1", b"\nreturn 1", set()),
        (b"#!lua flags=no-writes\nreturn 1\n", b"\nreturn 1\n", {"no-writes"}),
        (b"#!lua flags=no-writes,allow-key-locking\n", b"\n", {"no-writes", "allow-key-locking"}),
        (b"#!lua flags=no-writes flags=allow-oom\n", b"\n", {"no-writes", "allow-oom"}),
    ],
)
def test_the_first_line_is_parsed_as_redis_does(text: bytes, body: bytes, flags: set[str]) -> None:
    script = parse_script(text, key_locking=True)
    assert (script.body, script.flags) == (body, flags)


@pytest.mark.parametrize("text", [b"#!", b"#!lua", b"#!lua flags=no-writes", b"#!\nx", b"#!lua flags=x\n"])
def test_an_invalid_first_line_is_an_error(text: bytes) -> None:
    with pytest.raises(ScriptError, match=r"^ERR "):
        parse_script(text, key_locking=True)


@pytest.mark.parametrize("flags", ["", "#!lua flags=allow-key-locking\n", "#!lua flags=no-writes\n"])
def test_a_script_of_this_package_is_known_with_and_without_flags(flags: str) -> None:
    for script in SCRIPTS:
        body = script.partition("\n")[2] if script.startswith("#!") else script
        text = (flags + body).encode()
        assert is_own_script(text)
        assert is_own_digest(sha1(text).upper().encode())
        assert not is_own_script(text + b" ")
        assert not is_own_digest(sha1(text + b" ").encode())


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("GET", [b"a"]),
        ("LPUSH", [b"a", b"x", b"y"]),
        ("DEL", [b"a", b"b"]),
        ("EXISTS", []),
        ("RENAME", [b"a", b"b"]),
        ("PING", []),
        ("TIME", []),
    ],
)
def test_declared_keys_may_be_touched(name: str, arguments: list[bytes]) -> None:
    check_declared_keys(name, arguments, [b"a", b"b"])


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("GET", [b"x"]),
        ("DEL", [b"a", b"x"]),
        ("RENAME", [b"a", b"x"]),
        ("SCAN", [b"0"]),
        ("KEYS", [b"*"]),
        ("FLUSHALL", []),
        ("BITOP", [b"AND", b"a", b"b"]),
        ("SUNIONSTORE", [b"a", b"b"]),
        ("MSET", [b"a", b"1", b"b", b"2"]),
        ("XREAD", [b"STREAMS", b"a", b"0"]),
        ("ZUNION", [b"1", b"a"]),
    ],
)
def test_other_keys_may_not(name: str, arguments: list[bytes]) -> None:
    with pytest.raises(ScriptError, match="'allow-key-locking' flag is set"):
        check_declared_keys(name, arguments, [b"a", b"b"])
