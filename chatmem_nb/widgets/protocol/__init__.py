"""The messages between the page and the kernel, each defined once.

A request is `{rid, view, method, params}`, its reply `{rid, view, ok, result}` or `{rid, view, ok, error}`;
`view` is one rendering of the widget, `rid` counts its requests. Events are sent without a request.

`methods` is the table of all methods: for each its parameters (`requests`) and its result (`results` and
`change_results`, made of `parts` and `entries`). `events` holds the events, and `base` the base models and
field types of them all.

The kernel parses requests by these models. The front end is checked against the TypeScript types made of them
(`frontend/protocol.d.ts`), and the tests check what the kernel, and their stand-in for it, send.
"""

from .events import EVENTS
from .methods import METHODS, schemas

__all__ = ["EVENTS", "METHODS", "schemas"]
