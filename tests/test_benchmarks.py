"""The benchmarks can be started: they are run by hand, and what they import is renamed now and then."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = [f"tests.benchmarks.{path.stem}" for path in Path(__file__).parent.glob("benchmarks/*.py")]


@pytest.mark.slow
def test_every_benchmark_is_imported() -> None:
    assert len(BENCHMARKS) > 10
    code = f"import importlib\nfor name in {BENCHMARKS}:\n    importlib.import_module(name)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
