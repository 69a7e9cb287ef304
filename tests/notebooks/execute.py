"""Run a notebook by the Python that runs this file, and say what its kernel has taken.

python execute.py NOTEBOOK FOLDER    writes FOLDER/NOTEBOOK, and prints the kernel's peak memory in MB
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from traitlets.config import Config

# VmHWM is the peak since the kernel's start; ru_maxrss would begin with that of the process that forked it.
PEAK = """
for line in open("/proc/self/status"):
    if line.startswith("VmHWM:"):
        print(int(line.split()[1]) // 1024)
"""


def main(path: Path, folder: Path) -> int:
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(PEAK))
    with TemporaryDirectory() as sockets:
        # Not TCP: another program can take a port between its choice and the start of the kernel.
        kernel = {"transport": "ipc", "connection_file": f"{sockets}/kernel.json"}
        client = NotebookClient(
            notebook,
            timeout=120,
            resources={"metadata": {"path": str(folder)}},
            config=Config(KernelManager=kernel),
        )
        try:
            client.execute()
        except CellExecutionError as exc:
            sys.stderr.write(str(exc))
            return 1
    peak = notebook.cells.pop()
    nbformat.write(notebook, folder / path.name)
    sys.stdout.write(peak.outputs[0].text)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
