"""Figures of the histories, in the report of a long or verbose run."""

from __future__ import annotations

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if not config.getoption("--slow") and config.get_verbosity() < 1:
        return
    for outcome in ("passed", "failed", "xfailed", "xpassed"):
        for report in terminalreporter.stats.get(outcome, []):
            for name, value in getattr(report, "user_properties", ()):
                if name == "verdict":
                    terminalreporter.write_line(
                        f"{report.nodeid.partition('::')[2]}: {value.splitlines()[0]}"
                    )
