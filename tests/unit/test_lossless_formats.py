"""Export then import is the identity, byte for byte, in every format that is documented as lossless."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import get_args

from hypothesis import example, given, settings
from hypothesis import strategies as st

from chatmem_nb import FileSource, export
from chatmem_nb.formats.reading import FileReader
from chatmem_nb.formats.registry import Format
from chatmem_nb.records import encode
from tests.odd_records import odd_records
from tests.plain_reader import PlainReader
from tests.strategies import json_objects, json_values, messages

LOSSLESS = (".parquet", ".jsonl", ".jsonl.gz", ".jsonl.zst")
README = (Path(__file__).parents[2] / "README.md").read_text()

objects = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["human", "ai", "tool", "alien"]) | json_values,
        "data": json_objects | json_values,
        "record_id": json_values,
        "stored_at": json_values,
        "session_id": json_values,
        "index": json_values,
        "raw": json_values,
        "label": json_objects,
        "messages": st.lists(json_values, max_size=2),
        "conversations": st.lists(json_objects, max_size=2),
    },
)
records = (
    messages.map(encode)
    | st.builds(json.dumps, objects | json_values, indent=st.none() | st.just(1), ensure_ascii=st.booleans())
    | st.text()
)
sessions = st.dictionaries(
    st.text(min_size=1, max_size=12), st.lists(records, min_size=1, max_size=6), min_size=1, max_size=4
)


@settings(max_examples=settings().max_examples // 2)  # each in every format
@given(kept=sessions)
@example(kept={"odd": odd_records(), "=1+1": ["", "'"], "007": ["\r\n", "\ufeff", "\u2028"]})
def test_export_then_import_is_the_identity(kept: dict[str, list[str]]) -> None:
    for suffix in LOSSLESS:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, f"talks{suffix}")
            export(PlainReader(kept), path, progress=False)
            imported: dict[str, list[str]] = {}
            for piece in FileReader(path).pieces():
                imported.setdefault(piece.session_id, []).extend(piece.records)
            source = FileSource(path)
            in_place = {name: source.read(name) for name in source.session_ids()}
            assert (suffix, imported) == (suffix, kept)
            assert (suffix, in_place) == (suffix, kept)


def test_the_lossless_formats_are_those_that_the_readme_names() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (`\..*?) \| nothing; ", README, re.MULTILINE)
    suffixes = [suffix for _, files in rows for suffix in re.findall(r"`(\.[\w.]+)`", files)]
    assert tuple(suffixes) == LOSSLESS


def test_the_readme_says_of_every_format_what_it_changes() -> None:
    table = README[README.index("| `format` | file | what changes |") :].partition("\n\n")[0]
    named = [
        name
        for cells in re.findall(r"^\| (`\w+`.*?) \|", table, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", cells)
    ]
    assert sorted(named) == sorted(["format", *get_args(Format)])
