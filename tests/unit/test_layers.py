"""The layout is the architecture: imports go down only, and each foreign library has one home."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

import chatmem_nb

PACKAGE = Path(chatmem_nb.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))

# The layers, from the lowest up; what is in one layer does not import its neighbours.
LAYERS = [
    {"errors", "file_lock", "json_text", "memo", "plain_text", "time_limit"},
    {"records", "highlighting", "json_highlighting"},
    {"content", "redaction"},
    {"markdown_rules"},
    {"markdown"},
    {"contained_markdown"},
    {"columns"},
    {"formats"},
    {"stores"},
    {"histories"},
    {"sources", "middleware"},
    {"frames", "charts"},
    {"bar_charts"},
    {"labels", "comparison"},
    {"exports", "plots"},
    {"widgets"},
    {"__main__"},
]
LAYER_OF = {name: layer for layer, names in enumerate(LAYERS) for name in names}

# `local` is an island: it stands on the stores, and only the command line stands on it ...
ISLAND_STANDS_ON = {"errors", "file_lock", "records", "stores", "local"}
# ... but for the connect form, which offers a local service to those who have no account.
ISLAND_BRIDGES = {"widgets/connect.py"}

HOMES = {
    "msgspec": ("records/plain_records.py",),
    "langchain_core": ("records/", "middleware.py", "histories/", "sources"),
    "upstash_redis": ("stores/upstash", "stores/_loops"),
    "httpx": ("stores/upstash",),
    "momento": ("stores/momento", "local/momento"),
    "momento_wire_types": ("stores/momento", "local/momento"),
    "grpc": ("stores/momento", "local/momento"),
    "redis": ("local/upstash",),
    "fakeredis": ("local/upstash",),
    "lupa": ("local/upstash",),
    "langgraph": ("sources/langgraph", "middleware.py"),
    "langchain": ("middleware.py",),
    "ormsgpack": ("sources/langgraph",),
    "pandas": ("columns", "frames", "formats", "exports/report.py", "labels/frame.py"),
    "pyarrow": ("columns", "formats"),
    "dask": ("exports",),
    "tqdm": ("exports", "sources/files"),
    "altair": ("bar_charts.py",),
    "vl_convert": ("charts.py",),
    "anywidget": ("widgets/",),
    "ipywidgets": ("widgets/",),
    "markdown_it": ("markdown.py", "markdown_rules.py", "contained_markdown.py"),
    "pygments": ("highlighting.py",),
    "nh3": ("markdown.py",),
    "regex": ("widgets/text_pattern.py",),
    "phonenumbers": ("redaction/digits.py",),
}


def place(module: Path) -> str:
    return module.relative_to(PACKAGE).as_posix()


def layer_name(module: Path) -> str:
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


@cache
def imports(module: Path) -> list[str]:
    """Full names of what `module` imports when it runs; what is for type checkers alone does not count."""
    package = ("chatmem_nb", *module.relative_to(PACKAGE).parent.parts)
    tree = ast.parse(module.read_text(encoding="utf-8"))
    return [name for statement in _statements(tree.body) for name in _imported(statement, package)]


def _statements(nodes: Iterable[ast.AST]) -> Iterator[ast.stmt]:
    """The statements of `nodes`, at any depth, that run."""
    for node in nodes:
        if isinstance(node, ast.If) and _for_type_checkers(node.test):
            yield from _statements(node.orelse)
        elif isinstance(node, ast.stmt | ast.excepthandler | ast.match_case):  # expressions hold none
            if isinstance(node, ast.stmt):
                yield node
            yield from _statements(ast.iter_child_nodes(node))


def _for_type_checkers(test: ast.expr) -> bool:
    names = {ast.Name: "id", ast.Attribute: "attr"}
    return getattr(test, names.get(type(test), ""), None) == "TYPE_CHECKING"


def _imported(statement: ast.stmt, package: tuple[str, ...]) -> Iterator[str]:
    if isinstance(statement, ast.Import):
        yield from (alias.name for alias in statement.names)
    elif isinstance(statement, ast.ImportFrom):
        base = ".".join(package[: len(package) - statement.level + 1]) if statement.level else ""
        name = ".".join(part for part in (base, statement.module) if part)
        if name == "chatmem_nb":
            yield from (f"chatmem_nb.{alias.name}" for alias in statement.names)
        else:
            yield name


def own_imports(module: Path) -> set[str]:
    return {name.split(".")[1] for name in imports(module) if name.startswith("chatmem_nb.")}


def may_import(module: Path) -> set[str]:
    """The own packages that `module` may import: those of the layers below, and its own."""
    here = layer_name(module)
    if here == "local":
        return ISLAND_STANDS_ON
    if here in ("__init__", "__main__"):
        return {*LAYER_OF, "local"}
    allowed = {name for name, layer in LAYER_OF.items() if layer < LAYER_OF[here]} | {here}
    return allowed | {"local"} if place(module) in ISLAND_BRIDGES else allowed


def test_imports_go_down() -> None:
    assert len(MODULES) > 100
    assert {place(module): up for module in MODULES if (up := own_imports(module) - may_import(module))} == {}


def test_each_foreign_library_has_one_home() -> None:
    foreign = {(name.split(".")[0], place(module)) for module in MODULES for name in imports(module)}
    known = {(name, where) for name, where in foreign if name in HOMES}
    assert len(known) > 50
    assert {(name, where) for name, where in known if not where.startswith(HOMES[name])} == set()


def test_every_module_is_in_a_layer() -> None:
    assert {layer_name(module) for module in MODULES} <= {*LAYER_OF, "__init__", "local"}


def test_importing_the_package_imports_no_sdk_and_no_pandas() -> None:
    code = (
        "import sys, chatmem_nb; "
        f"print([m for m in {sorted(HOMES)} if m in sys.modules], len(dir(chatmem_nb)) > 10)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[] True"


@pytest.mark.slow  # imports all that the package stands on
def test_every_public_name_is_there_and_no_other_is() -> None:
    for name in chatmem_nb.__all__:
        assert getattr(chatmem_nb, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        chatmem_nb.Nonsense  # noqa: B018 - the look-up itself is what is tested
