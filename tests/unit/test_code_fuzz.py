"""No code, in no language that is coloured, takes long: a regular expression that runs cannot be stopped."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from chatmem_nb.highlighting import HIGHLIGHT_LIMIT, LANGUAGES, coloured
from chatmem_nb.markdown import to_html
from tests.unit.code_snippets import SNIPPETS

WORKER = Path(__file__).with_name("code_inputs.py")
ROOT = Path(__file__).parents[2]
COMMON = {"bash", "html", "javascript", "json", "python", "sql"}
"""Loading a language compiles its regular expressions, which takes longer than colouring."""
PATIENCE_S = 5.0
"""CPU time for one input; none takes a second."""


def stuck_at(*languages: str, count: int, step: int = 1, seed: int = 1) -> str:
    """Return the language and number of the first input that takes longer than PATIENCE_S; "all" if none."""
    command = [sys.executable, str(WORKER), ",".join(languages), str(count), str(step), str(seed)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as worker:
        assert worker.stdout is not None
        said, began_s = b"", 0.0
        try:
            while True:
                if select.select([worker.stdout], [], [], 1.0)[0]:
                    more = os.read(worker.stdout.fileno(), 65_536)
                    if not more:
                        assert worker.wait() == 0
                        break
                    said, began_s = said[-50:] + more, cpu_s(worker.pid)
                elif said and cpu_s(worker.pid) - began_s > PATIENCE_S:
                    break
        finally:
            worker.kill()
    return said.decode().splitlines()[-1]


def cpu_s(process_id: int) -> float:
    """Return the CPU time of a process: other work on the machine does not count."""
    times = psutil.Process(process_id).cpu_times()
    return float(times.user + times.system)


def test_there_is_code_of_each_language() -> None:
    assert set(SNIPPETS) == set(LANGUAGES)


@pytest.mark.parametrize(
    "language",
    [name if name in COMMON else pytest.param(name, marks=pytest.mark.slow) for name in LANGUAGES],
)
def test_code_of_each_language_is_coloured(language: str) -> None:
    assert "<span" in coloured(SNIPPETS[language], language)


@pytest.mark.slow
def test_code_made_to_be_slow_is_coloured_or_plain_in_time() -> None:
    assert stuck_at(*LANGUAGES, count=100, step=20) == "all"


@pytest.mark.soak
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_code_is_slow(language: str) -> None:
    count, seed = (
        int(os.environ.get(name, value)) for name, value in (("FUZZ_COUNT", "600"), ("FUZZ_SEED", "7"))
    )
    assert stuck_at(language, count=count, seed=seed) == "all"


@pytest.mark.parametrize(
    "language",
    ["mcschema", "easytrieve", "systemd", "peg", "csharp", "terraform", "autohotkey", "ini"],
)
def test_a_language_that_failed_stays_plain(language: str) -> None:
    for code in ("<!--", "/*" * 2_000, '"' + "\\" * 2_000, "(" * 4_000):
        start = time.thread_time()
        html = to_html(f"```{language}\n{code}\n```")
        assert time.thread_time() - start < 1
        assert f'data-lang="{language}"' in html
        assert "<span" not in html


@pytest.mark.parametrize("name", ["py", "js", "ts", "sh", "yml", "rs", "dockerfile"])
def test_other_names_of_a_language_are_known(name: str) -> None:
    assert "<span" in coloured('if "x": 1 # y', name)


def test_long_code_and_long_runs_are_not_coloured() -> None:
    assert "<span" not in coloured("x = 1\n" * (HIGHLIGHT_LIMIT // 6 + 1), "python")
    assert "<span" not in coloured("x = " + "1" * 300, "python")
    assert "<span" in coloured("x = 1\n" * (HIGHLIGHT_LIMIT // 6), "python")
