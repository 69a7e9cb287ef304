"""Every notebook runs top to bottom in the environment that Binder builds: with no account, and with one."""

from __future__ import annotations

import subprocess
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest

from chatmem_nb.local import LocalMomento, LocalUpstash
from chatmem_nb.local.offline import environment
from chatmem_nb.local.samples import sample_conversations, seed
from chatmem_nb.stores.protocol import SessionStore
from tests.notebooks.binder import BinderImage

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
EXECUTE = Path(__file__).with_name("execute.py")

# Notebooks whose stored outputs are the point: a picture, for readers who run nothing.
KEEP_OUTPUTS: set[str] = set()

# What JupyterLab itself takes comes on top of it: see test_binder.py.
KERNEL_LIMIT_MB = 500

# The first test that asks for `image` waits until it is built.
pytestmark = pytest.mark.timeout(900)


@dataclass(frozen=True, slots=True)
class Run:
    """One notebook, executed with no account and with one."""

    offline: nbformat.NotebookNode
    with_account: nbformat.NotebookNode
    peak_mb: int
    kept: dict[str, bool]
    """By service: whether the sessions of others are as they were."""
    endless: list[str]
    """Sessions that the notebook left behind and that nothing will end."""


@pytest.fixture(
    scope="module", params=[pytest.param(path, id=path.stem, marks=pytest.mark.slow) for path in NOTEBOOKS]
)
def run(request: pytest.FixtureRequest, image: BinderImage, tmp_path_factory: pytest.TempPathFactory) -> Run:
    path: Path = request.param
    folders = [tmp_path_factory.mktemp(path.stem) for _ in range(2)]
    with ExitStack() as stack:
        # To a notebook these two are an account: addresses and keys in the environment, sessions of others.
        servers = [stack.enter_context(LocalUpstash()), stack.enter_context(LocalMomento())]
        stores = [stack.enter_context(server.store()) for server in servers]
        for store in stores:
            seed(store, sample_conversations())
        before = [contents(store) for store in stores]
        account = environment(servers[0]) | environment(servers[1])
        peaks = execute(image, path.name, dict(zip(folders, ({}, account), strict=True)))
        after = [contents(store) for store in stores]
        kept = {
            store.service: old.items() <= new.items()
            for store, old, new in zip(stores, before, after, strict=True)
        }
        left = stores[0].summaries(after[0].keys() - before[0].keys())  # Momento ends every session
    offline, with_account = (nbformat.read(folder / path.name, as_version=4) for folder in folders)
    return Run(
        offline, with_account, max(peaks), kept, [each.session_id for each in left if each.ttl is None]
    )


def execute(image: BinderImage, name: str, runs: dict[Path, dict[str, str]]) -> list[int]:
    """Run the notebook in each folder, with its variables, at once; return the peaks of memory in MB."""
    started = [
        subprocess.Popen(
            [image.python, str(EXECUTE), str(image.clone / "notebooks" / name), str(folder)],
            env=image.variables(**variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for folder, variables in runs.items()
    ]
    said = [process.communicate() for process in started]
    for process, (_, complaints) in zip(started, said, strict=True):
        assert process.returncode == 0, complaints[-4000:]
    return [int(out) for out, _ in said]


def contents(store: SessionStore) -> dict[str, list[str]]:
    return {session_id: store.read(session_id) for session_id in store.session_ids()}


def outputs(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def complaints(notebook: nbformat.NotebookNode) -> list[str]:
    return [output.text for output in outputs(notebook) if output.get("name") == "stderr"]


def test_it_runs_with_no_account_and_without_complaint(run: Run) -> None:
    assert outputs(run.offline)
    assert complaints(run.offline) == []


def test_it_runs_unchanged_against_services_of_the_environment(run: Run) -> None:
    assert outputs(run.with_account)
    assert complaints(run.with_account) == []


def test_it_leaves_the_sessions_of_others_alone(run: Run) -> None:
    assert run.kept == {"Upstash Redis": True, "Momento": True}
    assert run.endless == []


def test_its_kernel_stays_small_with_both_services_inside(run: Run) -> None:
    assert run.peak_mb < KERNEL_LIMIT_MB


def test_a_saved_browser_reads_as_a_summary_where_no_kernel_is(run: Run) -> None:
    shown = [output.data for output in outputs(run.offline) if "data" in output]
    widgets = [data for data in shown if "application/vnd.jupyter.widget-view+json" in data]
    summaries = [data["text/html"] for data in widgets if "HistoryBrowser" in data.get("text/plain", "")]
    assert all("HistoryBrowser(" in summary and "error" not in summary.lower() for summary in summaries)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert "widgets" not in notebook.metadata  # GitHub shows no notebook whose widget state is missing
    if path.name not in KEEP_OUTPUTS:
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        assert [cell.id for cell in code if cell.outputs or cell.execution_count] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_short_says_what_one_learns_and_ends_with_an_exercise(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    assert cells[0].source.startswith("# ")
    assert len(cells) <= 30
    assert cells[-1].source.startswith("**Exercise.**")
    if path.stem == "quickstart":
        assert sum(cell.cell_type == "code" for cell in cells) <= 10
    else:
        assert "You learn" in cells[0].source


def test_each_question_of_an_analyst_takes_five_lines_or_fewer() -> None:
    [path] = [path for path in NOTEBOOKS if path.stem == "dataframes"]
    asked = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.source[:1] == "#"]
    questions = [source.splitlines() for source in asked if source[2:3].isdigit()]
    assert [lines[0].split()[1] for lines in questions] == [f"{number}." for number in range(1, 10)]
    assert max(len(lines) - 1 for lines in questions) <= 5


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_code_fits_the_width_of_a_page(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    lines = [line for cell in cells if cell.cell_type == "code" for line in cell.source.splitlines()]
    assert [line for line in lines if len(line) > 92] == []
