"""What LocalUpstash keeps out: strangers, web pages, foreign scripts, and what would break it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from upstash_redis import Redis
from upstash_redis.errors import UpstashError

from chatmem_nb.errors import InvalidInputError
from chatmem_nb.local import LocalUpstash
from chatmem_nb.local.upstash import sandbox
from chatmem_nb.local.upstash.commands import ALLOWED, EMBEDDED_LACKS
from chatmem_nb.stores.scripts import SCRIPTS


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture(scope="module", params=["own", "any"])
def server(request: pytest.FixtureRequest) -> Iterator[LocalUpstash]:
    with LocalUpstash(scripts=request.param) as server:
        yield server


@pytest.fixture(scope="module")
def lenient() -> Iterator[LocalUpstash]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sandbox, "MAX_MEMORY_BYTES", 128 * 1024 * 1024)
        patch.setattr(sandbox, "MAX_SECONDS", 0.5)
        with LocalUpstash(scripts="any") as server, Redis(server.url, server.token) as redis:
            redis.eval("return 1")  # makes the sandbox
            yield server


@pytest.fixture(scope="module")
def strict() -> Iterator[LocalUpstash]:
    with LocalUpstash() as server:
        yield server


@pytest.fixture
def redis(lenient: LocalUpstash) -> Iterator[Redis]:
    with Redis(lenient.url, lenient.token, rest_retries=0) as redis:
        yield redis


def ping(server: LocalUpstash, path: str = "/", **headers: str) -> httpx.Response:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    with httpx.Client(trust_env=False) as client:
        return client.post(server.url + path, json=["PING"], headers=names)


class TestTokens:
    @pytest.mark.parametrize("given", ["", "Bearer", "Bearer wrong", "Basic {}", "{}", "Bearer {}x"])
    def test_a_wrong_token_is_refused_with_401(self, server: LocalUpstash, given: str) -> None:
        answer = ping(server, Authorization=given.format(server.token))
        assert (answer.status_code, answer.json()) == (
            401,
            {"error": "WRONGPASS invalid or missing auth token"},
        )

    @pytest.mark.parametrize(
        "given", [b"Bearer \xff\xfe", b"Bearer " + "é".encode(), b"Bearer " + b"x" * 60_000]
    )
    def test_a_token_of_any_bytes_is_only_wrong(self, server: LocalUpstash, given: bytes) -> None:
        with httpx.Client(trust_env=False) as client:
            answer = client.post(server.url, json=["PING"], headers={b"Authorization": given})
        assert answer.status_code == 401

    def test_a_token_of_the_users_own_works(self) -> None:
        with LocalUpstash(token="mine é") as server, httpx.Client(trust_env=False) as client:
            headers = {b"Authorization": "Bearer mine é".encode()}
            assert client.post(server.url, json=["PING"], headers=headers).json() == {"result": "PONG"}

    def test_the_token_may_stand_in_the_url(self, server: LocalUpstash) -> None:
        assert ping(server, f"/?_token={server.token}").json() == {"result": "PONG"}
        assert ping(server, "/?_token=wrong").status_code == 401

    def test_a_token_is_random(self) -> None:
        with LocalUpstash() as one, LocalUpstash() as other:
            assert one.token != other.token
            assert len(one.token) >= 32

    def test_an_empty_token_asks_for_none(self) -> None:
        with LocalUpstash(token="") as server:
            assert ping(server).status_code == 200


class TestBrowsers:
    @pytest.mark.parametrize(
        "headers",
        [
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Origin": "http://127.0.0.1:8888"},
            {"Sec_Fetch_Site": "cross-site"},
            {"Sec_Fetch_Site": "same-site"},
            {"Host": "evil.example"},
            {"Host": "evil.example:80"},
            {"Host": "127.0.0.1.evil.example"},
            {"Host": "127.0.0.1@evil.example"},
            {"Host": "[::1"},
            {"Host": ""},
        ],
    )
    def test_a_web_page_is_refused_with_403_though_it_had_the_token(
        self, server: LocalUpstash, headers: dict[str, str]
    ) -> None:
        answer = ping(server, Authorization=f"Bearer {server.token}", **headers)
        assert answer.status_code == 403
        assert not [name for name in answer.headers if name.startswith("access-control")]

    @pytest.mark.parametrize("host", ["localhost:1", "127.0.0.1", "[::1]:5", "LOCALHOST"])
    def test_every_name_of_this_machine_is_fine(self, server: LocalUpstash, host: str) -> None:
        assert ping(server, Authorization=f"Bearer {server.token}", Host=host).status_code == 200

    def test_other_machines_are_let_in_on_demand_only(self) -> None:
        with pytest.raises(InvalidInputError, match="expose"):
            LocalUpstash(host="0.0.0.0")
        with LocalUpstash(host="0.0.0.0", expose=True) as server, httpx.Client(trust_env=False) as client:
            headers = {"Authorization": f"Bearer {server.token}", "Host": "my-machine"}
            url = f"http://127.0.0.1:{server.port}"
            assert client.post(url, json=["PING"], headers=headers).status_code == 200
            headers["Origin"] = "http://my-machine"
            assert client.post(url, json=["PING"], headers=headers).status_code == 403


@pytest.fixture(scope="module")
def small() -> Iterator[LocalUpstash]:
    with LocalUpstash(max_request_bytes=1000) as server:
        yield server


class TestSizes:
    @pytest.mark.parametrize("size", [1001, 5000, 9000, 300_000])
    def test_a_large_request_is_refused_with_413_and_the_next_works(
        self, small: LocalUpstash, size: int
    ) -> None:
        headers = {"Authorization": f"Bearer {small.token}"}
        with httpx.Client(base_url=small.url, headers=headers, trust_env=False) as client:
            answer = client.post("/", content=b"x" * size)
            limits = f"Limit: 1000 bytes, Actual: {size} bytes"
            assert (answer.status_code, answer.json()) == (
                413,
                {"error": f"ERR max request size exceeded. {limits}"},
            )
            assert client.post("/", json=["PING"]).status_code == 200

    def test_a_large_request_without_a_token_is_refused_for_that(self, small: LocalUpstash) -> None:
        with httpx.Client(trust_env=False) as client:
            assert client.post(small.url, content=b"x" * 5000).status_code == 401

    def test_a_large_answer_is_refused_as_the_service_does(self, small: LocalUpstash) -> None:
        with Redis(small.url, small.token, rest_retries=0) as redis:
            for _ in range(3):
                redis.rpush("l", "x" * 400)
            with pytest.raises(UpstashError, match=r"Limit: 1000 bytes, Actual: 1200"):
                redis.lrange("l", 0, -1)
            assert redis.lrange("l", 1, 2) == ["x" * 400] * 2


class TestCommands:
    @pytest.mark.parametrize(
        "command",
        [
            "RESTORE k 0 x",
            "DUMP k",
            "FUNCTION LOAD x",
            "FCALL f 0",
            "CONFIG GET *",
            "ACL LIST",
            "CLIENT LIST",
            "DEBUG SLEEP 1",
            "SHUTDOWN",
            "SAVE",
            "MODULE LOAD x",
            "MULTI",
            "WATCH k",
            "SUBSCRIBE c",
            "MONITOR",
            "BLPOP k 0",
            "SELECT 1",
            "AUTH x",
            "HELLO 3",
            "MIGRATE h 1 k 0 1",
            "REPLICAOF h 1",
            "SWAPDB 0 1",
        ],
    )
    def test_a_command_off_the_list_is_not_run(self, server: LocalUpstash, command: str) -> None:
        with Redis(server.url, server.token, rest_retries=0) as redis:
            with pytest.raises(UpstashError, match="ERR Command is not available"):
                redis.execute(command.split())
            with pytest.raises(UpstashError, match="ERR Command is not available"):
                redis.execute(command.lower().split())
            assert redis.ping() == "PONG"

    def test_a_command_that_breaks_the_engine_is_an_error_and_the_others_run(
        self, lenient: LocalUpstash
    ) -> None:
        commands = [["SADD", "s", "a"], ["SRANDMEMBER", "s", "1", "-1"], ["SCARD", "s"]]
        with httpx.Client(trust_env=False) as client:
            headers = {"Authorization": f"Bearer {lenient.token}"}
            answers = client.post(f"{lenient.url}/pipeline", json=commands, headers=headers).json()
        assert answers[0] == answers[2] == {"result": 1}
        assert answers[1]["error"].startswith("ERR")

    def test_no_allowed_command_hangs_or_ends_the_server_when_sent_bare(self, redis: Redis) -> None:
        for command in sorted(ALLOWED - EMBEDDED_LACKS):
            for arguments in ([], ["k"], ["k", "1"], ["k", "k", "k"], ["0", "k", "\x00", "-1"]):
                with contextlib.suppress(UpstashError):
                    redis.execute([command, *arguments])
        assert redis.ping() == "PONG"


ESCAPES = [
    "return python.eval('1')",
    "return python.builtins.open('/etc/passwd')",
    "return python.as_attrgetter(redis.call)",
    "return redis.call.__globals__",
    "return redis.call['__globals__']",
    "return redis.pcall.__self__",
    "return redis.sha1hex.__globals__",
    "return cjson.encode.__globals__",
    "return cjson.null.__class__.__base__.__subclasses__",
    "return cjson.null()",
    "return getmetatable(cjson.null).__index",
    "return getmetatable(cjson.null).__gc(cjson.null)",
    "local ok, e = pcall(cjson.decode, '{') return e.__traceback__.tb_frame",
    "local ok, e = pcall(redis.call, 'GET') return e.__traceback__.tb_frame",
    "local ok, e = pcall(function() return cjson.null.x end) return e.args[1]",
    "return io.open('/etc/passwd')",
    "return os.execute('id')",
    "return os.getenv('PATH')",
    "return os.remove('x')",
    "return require('os')",
    "return package.loadlib('libc.so.6', 'system')",
    "return dofile('/etc/passwd')",
    "return loadfile('/etc/passwd')()",
    "return load('return 1')",
    "return loadstring('\\27Lua\\81\\0')()",
    "return load(function() return '\\27Lua' end)()",
    "return loadstring('return python')().eval",
    "return string.dump(function() end)",
    "return ('').dump(function() end)",
    "return getmetatable('').__index.dump",
    "getmetatable('').__index = nil return ('x'):rep(2)",
    "return debug.getregistry()",
    "return debug.sethook()",
    "return coroutine.create(function() end)",
    "return getfenv(0).python",
    "return setfenv(1, {})",
    "return newproxy(true)",
    "return collectgarbage('stop')",
    "return module('x')",
    "return _G._G.python",
    "return rawget(_G, 'python').eval",
    "setmetatable(_G, {}) return 1",
    "x = 1",
    "redis.call('CONFIG', 'GET', '*')",
    "redis.call('RESTORE', 'k', 0, 'x')",
    "redis.call('restore', 'k', 0, 'x')",
    "redis.call('\\226\\132\\170EYS', '*')",
    "redis.call('EVAL', 'return 1', 0)",
    "redis.call('SCRIPT', 'FLUSH')",
    "redis.call('FUNCTION', 'FLUSH')",
    "redis.call('DEBUG', 'SLEEP', 9)",
    "redis.call(redis.call)",
    "redis.call(cjson.null)",
    "redis.call('SET', cjson.null, 1)",
    "redis.call('SET', {}, 1)",
    "redis.call()",
    "return cjson.encode(redis.call)",
    "return cjson.encode(cjson)",
    "local t = {} t.t = t return cjson.encode(t)",
    "return cjson.decode(string.rep('[', 100000))",
    "local t = {} t[1] = t return t",
    "return string.rep('x', 2^30)",
    "local s = 'x' while true do s = s .. s end",
    "local t = {} for i = 1, 1e9 do t[i] = {} end",
    "local t = {} for i = 1, 1e9 do pcall(function() t[i] = string.rep(('x'):rep(1000), 5000) end) end",
    "local n = 2^29 while n do n = pcall(function() KEYS[#KEYS + 1] = ('x'):rep(n) end) and n or n / 2 end",
    "local t = {} for i = 1, 90 do t[i] = string.rep('x', 1e6) end return t",
    "local s = string.rep('x', 5e7) for i = 1, 9 do s = s .. s redis.call('ECHO', s) end",
    "local function f() return f() + 1 end return f()",
    "return unpack({}, 1, 1e8)",
    "while true do end",
    "while true do pcall(function() while true do end end) end",
    "local function f() pcall(f) f() end f()",
    "return table.sort({3, 2, 1}, function() while true do end end)",
    "return ('x'):gsub('x', function() while true do end end)",
]

HARMLESS = {
    "return setmetatable({}, {__index = function() return 1 end})": [],
    "return {xpcall(cjson.null, function(e) return e.__class__ end)}": [None],
    "return {select(2, pcall(error, cjson.null)).__class__}": [],
    "return {function() end, cjson.null, 2}": [None, None, 2],
    "return redis.call": None,
    "return {math.huge, 0/0, -1e300}": [-(2**63)] * 3,
    "rawset(_G, 'x', 5) return x": 5,
    "string.rep = nil return 1": 1,
    "return string.rep('a', 2)": "aa",
    "return tostring(cjson.null)": "userdata: NULL",
    "return select('#', KEYS, ARGV)": 2,
    "return #KEYS + #ARGV": 0,
    "return {xpcall(error, function() return 'handled' end)}": [None, "handled"],
    "return loadstring('return 1 + 1')()": 2,
    "return type(load(function() end)) .. type(os.clock())": "functionnumber",
}


class TestScripts:
    @pytest.mark.parametrize("script", ESCAPES)
    def test_a_script_finds_no_way_out(self, redis: Redis, script: str) -> None:
        with pytest.raises(UpstashError) as caught:
            redis.eval(script)
        assert "embedded engine failed" not in str(caught.value)
        assert redis.ping() == "PONG"

    @pytest.mark.parametrize("script", HARMLESS)
    def test_what_looks_like_a_way_out_is_none(self, redis: Redis, script: str) -> None:
        assert redis.eval(script) == HARMLESS[script]

    @pytest.mark.parametrize("script", [*ESCAPES, *HARMLESS, "return 1", SCRIPTS[0] + " "])
    def test_only_our_own_scripts_run_by_default(self, strict: LocalUpstash, script: str) -> None:
        with Redis(strict.url, strict.token, rest_retries=0) as redis:
            for command in ("EVAL", "EVAL_RO", "eval"):
                with pytest.raises(UpstashError, match="only the scripts of chatmem_nb"):
                    redis.execute([command, script, 0])
            with pytest.raises(UpstashError, match="only the scripts of chatmem_nb"):
                redis.execute(["SCRIPT", "LOAD", script])

    @pytest.mark.parametrize("script", SCRIPTS)
    def test_our_own_scripts_run_by_text_and_by_sha(self, strict: LocalUpstash, script: str) -> None:
        with httpx.Client(trust_env=False) as client:
            headers = {"Authorization": f"Bearer {strict.token}"}
            sha = client.post(strict.url, json=["SCRIPT", "LOAD", script], headers=headers).json()["result"]
            for command in (["EVAL", script], ["EVALSHA", sha], ["EVALSHA", sha.upper()]):
                body = [*command, 2, "k", "marker", 1000, 0, "x", 0, 0]
                answer = client.post(strict.url, json=body, headers=headers).text
                assert "only the scripts" not in answer
                assert "NOSCRIPT" not in answer

    def test_a_script_runs_in_the_sandbox(self, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
        """A pin: fakeredis 2.40 keeps its Lua in `_lua_runtime` of the server, and calls `execute`."""
        ran: list[bytes] = []
        execute = sandbox.SandboxedRuntime.execute

        def watched(self: Any, code: bytes | str) -> Any:
            if isinstance(code, bytes):
                ran.append(code)
            return execute(self, code)

        monkeypatch.setattr(sandbox.SandboxedRuntime, "execute", watched)
        assert redis.eval("return 7") == 7
        assert ran == [b"return 7"]

    def test_bytecode_is_no_script(self, lenient: LocalUpstash) -> None:
        with httpx.Client(trust_env=False) as client:
            headers = {"Authorization": f"Bearer {lenient.token}"}
            answer = client.post(f"{lenient.url}/eval/%1bLuaQ%00/0", headers=headers)
        assert answer.status_code == 400
        assert "binary chunk" in answer.json()["error"]

    def test_a_script_leaves_nothing_to_the_next(self, redis: Redis) -> None:
        redis.eval("string.upper = nil rawset(_G, 'left', 1) KEYS[1] = 'x' return 1")
        with pytest.raises(UpstashError, match="nonexistent global variable 'left'"):
            redis.eval("return left")
        assert redis.eval("return string.upper('a') .. #KEYS") == "A0"
