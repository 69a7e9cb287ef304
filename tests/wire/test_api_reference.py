"""The docstrings are the API reference: each public name has one, of one shape, with an example that runs."""

from __future__ import annotations

import builtins
import doctest
import gc
import inspect
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

import chatmem_nb
from chatmem_nb import local
from chatmem_nb.local.samples import sample_conversations, seed

PUBLIC: dict[str, Any] = {
    **{name: getattr(chatmem_nb, name) for name in chatmem_nb.__all__},
    **{name: getattr(local, name) for name in local.__all__},
}
CLASSES = {name: value for name, value in PUBLIC.items() if inspect.isclass(value)}
ERRORS = {name for name, value in CLASSES.items() if issubclass(value, Exception)}

# They hold what they were given, and nothing that they are given can be wrong.
HOLDERS = {"Estimate", "ExportReport", "SessionSummary", "StoredMessage"}

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def own_docstring(value: Any) -> str:
    """The docstring that `value` itself has, and none that it inherits."""
    return (
        inspect.cleandoc(vars(value)["__doc__"] or "")
        if inspect.isclass(value)
        else inspect.getdoc(value) or ""
    )


def public_members(kind: type) -> Iterator[tuple[str, Callable[..., object]]]:
    """The methods and properties that `kind` itself, or a base of this package, defines."""
    seen: set[str] = set()
    for base in kind.__mro__:
        if not base.__module__.startswith("chatmem_nb"):
            continue
        for name, member in vars(base).items():
            found = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
            if not name.startswith("_") and inspect.isfunction(found) and name not in seen:
                seen.add(name)
                yield name, found


MEMBERS = [
    pytest.param(member, id=f"{name}.{attribute}")
    for name, kind in CLASSES.items()
    for attribute, member in public_members(kind)
]


@pytest.mark.parametrize("name", PUBLIC)
def test_a_name_says_in_one_sentence_what_it_is(name: str) -> None:
    first = own_docstring(PUBLIC[name]).split("\n\n")[0]
    assert first, "no docstring"
    assert first.rstrip().endswith((".", ":", '"'))
    assert first[0].isupper() or first[0] == "`"


@pytest.mark.parametrize("member", MEMBERS)
def test_a_method_says_in_one_sentence_what_it_does(member: Callable[..., object]) -> None:
    first = (inspect.getdoc(member) or "").split("\n")[0]
    assert first, "no docstring"
    assert first[0].isupper() or first[0] == "`"


@pytest.mark.parametrize("name", [name for name in PUBLIC if name not in ERRORS | HOLDERS])
def test_a_name_says_what_it_raises(name: str) -> None:
    value = PUBLIC[name]
    said = own_docstring(value)
    if inspect.isclass(value):  # its constructors say it, or it does for all of them
        makers = [
            value.__init__,
            *(member for each, member in public_members(value) if each.startswith("from_")),
        ]
        said += "\n".join(inspect.getdoc(maker) or "" for maker in makers)
    assert "Raises:" in said or "raises" in said


@pytest.mark.parametrize("name", PUBLIC)
def test_every_error_that_a_docstring_names_exists(name: str) -> None:
    value = PUBLIC[name]
    texts = [own_docstring(value)]
    if inspect.isclass(value):
        texts += [inspect.getdoc(member) or "" for _, member in public_members(value)]
    for error in re.findall(r"\b([A-Z]\w*Errors?)\b", "\n".join(texts)):
        assert error in PUBLIC or hasattr(builtins, error), error


@pytest.mark.parametrize("name", PUBLIC)
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_name_has_an_example_that_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the examples, `server` and `momento` are local servers, and `store` is of `server`, with samples."""
    monkeypatch.chdir(tmp_path)
    for variable in ("UPSTASH_REDIS_REST_URL", "UPSTASH_REDIS_REST_TOKEN", "MOMENTO_API_KEY"):
        monkeypatch.setenv(variable, "")  # or what an example sets would stay
        monkeypatch.delenv(variable)
    with ExitStack() as stack:
        server = stack.enter_context(local.LocalUpstash())
        momento = stack.enter_context(local.LocalMomento())
        store = stack.enter_context(server.store())
        seed(store, sample_conversations()[:-1])  # not the long one
        given = {"server": server, "momento": momento, "store": store}
        examples = doctest.DocTestFinder(recurse=False).find(
            PUBLIC[name], name, globs={**PUBLIC, "HumanMessage": HumanMessage, **given}
        )
        runner = doctest.DocTestRunner(optionflags=FLAGS)
        said: list[str] = []
        for example in examples:
            runner.run(example, out=said.append)
        gc.collect()  # examples close nothing: that is said here, where it may be, and not in a later test
    assert runner.tries > 0, "no example"
    assert runner.failures == 0, "".join(said)
