"""The peak of a process's memory."""

from __future__ import annotations

import resource
from pathlib import Path

_STATUS = Path("/proc/self/status")


def peak_mb() -> int:
    """Return the most memory that this process has used so far, in MB."""
    if _STATUS.exists():
        # getrusage reports the peak of the process that started this one, if that was higher (Linux).
        [line] = [line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM:")]
        return int(line.split()[1]) // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 2**20
