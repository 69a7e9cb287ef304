"""The variables of the notebook that shows the browser."""

from __future__ import annotations

import sys
import threading
from typing import Any


def user_namespace() -> dict[str, Any]:
    """Return the variables of the user's notebook; those of `__main__` outside of a notebook."""
    shell = _shell()
    namespace: dict[str, Any] = vars(sys.modules["__main__"]) if shell is None else shell.user_ns
    return namespace


def has_own_variables() -> bool:
    """Whether the variables of this notebook are those of one person.

    `marimo run` serves viewers from one process, where `__main__` is the notebook of whoever came last. It
    runs each notebook in a thread, and the threads that a notebook starts do not know the mode: without one,
    only the main thread, or a shell of IPython, is certain to be no viewer's.
    """
    marimo: Any = sys.modules.get("marimo")
    mode = None if marimo is None else marimo.app_meta().mode
    if marimo is None or mode is not None:
        return mode != "run"
    return _shell() is not None or threading.current_thread() is threading.main_thread()


def _shell() -> Any:
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()
