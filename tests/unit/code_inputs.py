"""Code made to be slow to colour, and a worker that colours it: it says which input it has come to.

Run as `python code_inputs.py LANGUAGE,... COUNT STEP SEED`: takes every STEP-th of COUNT inputs, in each
language from another one on; prints each language and number before it starts.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from itertools import islice

LIMIT = 4_000
# Each begins, ends or separates something in some language.
PIECES = [
    *("<!--", "/*", '"""', '"', "'", "`", "```", "${", "#{", "<%", "<?php", "<![CDATA[", "(*", "[[", "--[["),
    *("<<EOF\n", '<<"E"\n', 'r#"', 'R"(', '@"', '$"', "//", "#", "\\", "\\\\", "(", "[", "{", "<", ">", "</"),
    *("a", "a ", "_", "A", " ", "\t", "\n", "\r", "0", "1.", "0x", "e+", ".", ",", ":", ";", "=", "-", "+"),
    *(
        "*",
        "&",
        "|",
        "%",
        "^",
        "$",
        "!",
        "?",
        "@",
        "~",
        "a.",
        "a<",
        "a(",
        "a[",
        "<a b=",
        'f"{',
        "class ",
        "- ",
    ),
    *("def ", "import ", "let x=", "a: ", "\n ", "\n#", "é", "::", "->", "(?", "\n\t", "\\\n", "function "),
]


def inputs(snippet: str, seed: int) -> Iterator[str]:
    """Yield texts without end: repeated openers, long runs, nested brackets, mutated code."""
    chance = random.Random(seed)
    yield "<!--"  # with `mcschema`, the 24 characters that stopped a kernel
    for piece in PIECES:
        yield piece * (LIMIT // len(piece))
    while True:
        some = [chance.choice(PIECES) for _ in range(chance.choice((2, 2, 2, 3, 4, 6)))]
        unit = "".join(some)
        shape = chance.randrange(5)
        if shape == 0:
            yield unit * (LIMIT // len(unit))
        elif shape == 1:
            yield unit + some[0] * ((LIMIT - len(unit)) // len(some[0]))
        elif shape == 2:
            yield snippet[: chance.randrange(len(snippet))] + some[0] * (3_000 // len(some[0])) + unit
        elif shape == 3:
            yield "".join(chance.choice(PIECES) for _ in range(600))
        else:
            yield mutated(snippet * (LIMIT // len(snippet)), chance)


def mutated(text: str, chance: random.Random) -> str:
    """Return `text` with pieces put in, cut out and repeated."""
    for _ in range(chance.randrange(1, 12)):
        at, length = chance.randrange(len(text) + 1), chance.randrange(40)
        middle = chance.choice(("", chance.choice(PIECES), text[at : at + length] * chance.randrange(30)))
        text = text[:at] + middle + text[at + length :]
    return text[:LIMIT]


def main(languages: str, count: int, step: int, seed: int) -> None:
    from code_snippets import SNIPPETS

    from chatmem_nb.markdown import code_html

    for place, language in enumerate(languages.split(",")):
        first = place % step
        chosen = islice(inputs(SNIPPETS[language], seed), first, count, step)
        for number, text in enumerate(chosen):
            print(language, first + number * step, flush=True)
            code_html(text, language)
    print("all", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
