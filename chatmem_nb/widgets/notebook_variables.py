"""The variables of the notebook that shows the browser."""

from __future__ import annotations

import sys
import threading
from typing import Any, Final

_edited: Final = threading.Event()
"""Set once `marimo edit` was seen, which gives each notebook a process: all its threads are one person's."""


def user_namespace() -> dict[str, Any]:
    """Return the variables of the user's notebook; those of `__main__` outside of a notebook."""
    shell = _shell()
    namespace: dict[str, Any] = vars(sys.modules["__main__"]) if shell is None else shell.user_ns
    return namespace


def has_own_variables() -> bool:
    """Whether the variables of this notebook are those of one person.

    `marimo run` serves viewers from one process, where `__main__` is the notebook of whoever came last. It
    runs each notebook in a thread, and the threads that a notebook starts do not know the mode: without one,
    only the main thread, a process of `marimo edit`, or a shell of IPython is certain to be no viewer's.
    """
    mode = _marimo_mode()
    if "marimo" not in sys.modules or mode is not None:
        return mode != "run"
    is_main = threading.current_thread() is threading.main_thread()
    return is_main or _edited.is_set() or _shell() is not None


def _marimo_mode() -> str | None:
    app_meta = getattr(sys.modules.get("marimo"), "app_meta", None)
    mode: str | None = None if app_meta is None else app_meta().mode
    if mode == "edit":
        _edited.set()
    return mode


def _shell() -> Any:
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()


_marimo_mode()  # a cell imports this module on the thread of its notebook, which knows the mode
