"""What the README says is so: its code runs, its commands and names exist, its figures come out."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from langchain_core.messages import HumanMessage

from chatmem_nb.__main__ import _parser
from chatmem_nb.local import LocalMomento, LocalUpstash
from chatmem_nb.local.offline import environment
from chatmem_nb.records import encode
from chatmem_nb.stores.protocol import NewRecords, SessionStore

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()

COMMANDS = [
    'python3 -m venv .venv && .venv/bin/pip install -e ".[demo]" && .venv/bin/python -m chatmem_nb demo',
    ".venv/bin/python -m chatmem_nb serve upstash --path sessions.json",
    "bash tests/run",
]


def blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.mark.slow
def test_its_python_runs_from_top_to_bottom(tmp_path: Path) -> None:
    """With no account, except where the credentials are taken from the environment."""
    accounts = ("UPSTASH_", "MOMENTO_")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(accounts)}
    with LocalUpstash() as upstash, LocalMomento() as momento:
        connecting = [block for block in blocks("python") if "MomentoSessionStore.from_env(" in block]
        program = ["import os"]
        for block in blocks("python"):
            if block in connecting:
                variables = environment(upstash) | environment(momento)
                before = f"os.environ.update({variables!r})"
                after = f"for name in {[*variables]}: del os.environ[name]"
                block = f"{before}\n{block}\n{after}"
            program.append(block)
        done = subprocess.run(
            [sys.executable, "-c", "\n".join(program)],
            cwd=tmp_path,
            env=clean,
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stderr[-3000:]
    assert (tmp_path / "conversations.parquet").exists()


def test_its_commands_are_those_that_there_are() -> None:
    assert [block.strip() for block in blocks("bash")] == COMMANDS
    for command in COMMANDS:
        if "-m chatmem_nb " in command:
            _parser().parse_args(shlex.split(command.split("-m chatmem_nb ")[1]))
    assert "tests/run" in (ROOT / ".ci" / "run").read_text()


def test_its_first_command_installs_an_extra_that_there_is() -> None:
    extras = re.findall(r'\.\[(\w+)\]"', COMMANDS[0])
    assert extras == ["demo"]
    assert re.search(r"^demo = \[", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)


def test_every_file_and_test_that_it_names_exists() -> None:
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("*.py"))
    for name in re.findall(r"`(test_\w+)`", README):
        assert f"def {name}(" in tests, name
    for name in re.findall(r"`((?:tests|notebooks|\.ci)/[\w/.]+)`", README):
        assert (ROOT / name).exists(), name
    for name in re.findall(r"\]\((?!https?:)([^)]+)\)", README):
        assert (ROOT / name).exists(), name


def test_it_lists_every_notebook_once() -> None:
    listed = re.findall(r"^\| `(\w+\.ipynb)` \|", README, re.MULTILINE)
    assert sorted(listed) == sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))


def test_every_variable_that_it_names_is_read() -> None:
    sources = "\n".join(path.read_text() for path in (ROOT / "chatmem_nb").rglob("*.py"))
    names = set(re.findall(r"`((?:UPSTASH|MOMENTO)_[A-Z_]+)`", README))
    assert names
    assert [name for name in names if f'"{name}"' not in sources] == []


def records(number: int) -> NewRecords:
    """Records as a history passes them."""
    return NewRecords(encode(HumanMessage(f"message {each}")) for each in range(number))


def _prepare(store: SessionStore) -> None:
    for number in range(99):
        store.append(f"session-{number}", records(1))
    store.append("long", records(2000))


COSTS: dict[str, Callable[[SessionStore], object]] = {
    "List 100 sessions": lambda store: list(store.session_ids()),
    "Append 1 message": lambda store: store.append("session-0", records(1)),
    "Append 100 messages at once": lambda store: store.append("session-1", records(100)),
    "Read the last 20 messages of a session": lambda store: store.read("long", -20),
    "Read a session of 2,000 messages": lambda store: store.read("long"),
    "Count a session": lambda store: store.length("long"),
    "Clear a session": lambda store: store.delete("session-2"),
}


@pytest.mark.parametrize(("column", "service"), [(1, LocalUpstash), (2, LocalMomento)])
def test_it_costs_what_the_table_says(column: int, service: type[LocalUpstash | LocalMomento]) -> None:
    rows = [line.strip("| ").split(" | ") for line in README.splitlines() if line[:1] == "|"]
    table = {row[0]: int(row[column].replace(",", "")) for row in rows if row[0] in COSTS}
    assert table.keys() == COSTS.keys()
    with service() as server, server.store() as store:
        _prepare(store)
        spent = {}
        for what, action in COSTS.items():
            before = store.commands.billed
            action(store)
            spent[what] = store.commands.billed - before
    assert spent == table


def test_a_change_leaves_a_key_for_two_minutes_at_most() -> None:
    with LocalUpstash() as server, server.store() as store:
        store.append("talk", records(1))
        beside = [key for key in store.redis_client.keys("*") if not key.startswith("message_store:")]
        assert [key for key in beside if not key.startswith("chatmem_nb:")] == []
        assert all(0 < store.redis_client.ttl(key) <= 120 for key in beside)
        assert len(beside) == 1
