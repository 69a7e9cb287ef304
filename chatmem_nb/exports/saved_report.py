"""An export report as a JSON file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from ..errors import InvalidInputError
from ..formats.private_files import write_whole
from ..json_text import parse_json
from ..records import to_json
from ..redaction import LeftOut
from .report import ExportReport, left_out_frame
from .session_ends import Changes, read_ends

_KIND: Final = "chatmem_nb export report"
_VERSION: Final = 1
_COUNTS: Final = (
    "sessions",
    "messages",
    "unreadable",
    "resumed",
    "bytes",
    "commands",
    "labels",
    "labels_left_out",
)


def save_report(report: ExportReport, path: Path) -> None:
    """Write `report` to `path` atomically, with mode 0600. Raises: OSError."""
    entries = report.left_out.astype(object).where(report.left_out.notna(), None)
    changes = report.changes
    value: dict[str, Any] = {
        "kind": _KIND,
        "version": _VERSION,
        "path": str(report.path),
        "format": report.format,
        **{name: getattr(report, name) for name in _COUNTS},
        "seconds": report.seconds,
        "left_out": entries.to_numpy().tolist(),
        "redacted": dict(report.redacted),
        "unredactable": [[left.session_id, left.index, left.reason] for left in report.unredactable],
        "store": report.store,
        "changes": None if changes is None else {name: getattr(changes, name) for name in Changes.__slots__},
        "ends": {name: list(end) for name, end in report.ends.items()},
    }
    write_whole(path, to_json(value) + "\n", is_private=True)


def load_report(path: Path) -> ExportReport:
    """Return the report that `save_report` wrote.

    Raises: OSError; InvalidInputError if the file does not hold a report.
    """
    try:
        return _report(parse_json(path.read_text(encoding="utf-8")))
    except InvalidInputError:
        raise
    except (AttributeError, LookupError, TypeError, ValueError, RecursionError) as exc:
        kind = type(exc).__name__
        raise InvalidInputError(
            f"{path} is not a saved export report ({kind}); give a file that report.save(path) wrote",
            field="since",
        ) from None


def _report(value: dict[str, Any]) -> ExportReport:
    if value["kind"] != _KIND or value["version"] != _VERSION:
        raise ValueError(value["kind"])
    changes = value["changes"]
    counts = {name: int(value[name]) for name in _COUNTS}
    return ExportReport(
        path=Path(value["path"]),
        format=str(value["format"]),
        seconds=float(value["seconds"]),
        left_out=left_out_frame([(*entry, 0, True) for entry in value["left_out"]]),
        redacted={str(kind): int(count) for kind, count in value["redacted"].items()},
        unredactable=tuple(LeftOut(*entry) for entry in value["unredactable"]),
        store=value["store"],
        ends=read_ends(value["ends"]),
        changes=None if changes is None else _changes(changes),
        **counts,
    )


def _changes(value: dict[str, Any]) -> Changes:
    counts = [int(value[name]) for name in ("new", "grown", "unchanged")]
    names = [tuple(map(str, value[name])) for name in ("changed", "shrank", "vanished")]
    return Changes(counts[0], counts[1], counts[2], names[0], names[1], names[2])


def earlier_report(since: ExportReport | str | Path | None, store: str | None) -> ExportReport | None:
    """Return the report that was given as `since`, or None.

    Raises: OSError; InvalidInputError if `since` is not a report, or its report is of another store.
    """
    if isinstance(since, str | Path):
        if not Path(since).exists():
            raise FileNotFoundError(
                f"since must be the report of an earlier export; there is no file {since}"
            )
        since = ExportReport.load(since)
    if since is None:
        return None
    if not isinstance(since, ExportReport):
        raise InvalidInputError(
            f"since must be an ExportReport, or the path of a saved one, not {type(since).__name__}; "
            "for a time, export a frame that is filtered by stored_at",
            field="since",
        )
    if since.store != store:
        raise InvalidInputError(
            f"the report is of {since.store or 'another source'}, and not of {store or 'this source'}; "
            "export everything first, without since",
            field="since",
        )
    return since
