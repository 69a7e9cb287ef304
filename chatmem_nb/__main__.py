"""The command line: `python -m chatmem_nb demo` and `python -m chatmem_nb serve`."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import threading
import webbrowser
from collections.abc import Iterator, Sequence
from types import FrameType

from .errors import ChatMemError
from .local.offline import environment
from .local.samples import BrokenLine, Conversation, read_conversations, sample_conversations


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    options = _parser().parse_args(arguments)
    # gRPC's own log lines (a taken port) say nothing that our messages do not; it reads this at its import,
    # which is why the servers are imported where they are used.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        with _ended_by_signals():
            run = demo if options.command == "demo" else serve
            return run(options)
    except KeyboardInterrupt:
        return 0
    except (ChatMemError, OSError, ValueError) as exc:
        print(f"chatmem_nb: {exc}", file=sys.stderr)
        return 1


def demo(options: argparse.Namespace) -> int:
    """Run both services with conversations, and JupyterLab on the quickstart, until a signal comes."""
    from .local.demo import jupyterlab, notebooks_folder, seeded_servers

    conversations = sample_conversations() if options.data is None else _loaded(options.data)
    folder = notebooks_folder()
    with (
        seeded_servers(conversations) as variables,
        jupyterlab(folder, options.port, variables) as (address, process),
    ):
        print(f"Ready: {address}  (Ctrl+C ends it)", flush=True)
        if not options.no_browser:
            webbrowser.open(address)
        process.wait()
    return process.returncode


def serve(options: argparse.Namespace) -> int:
    """Run one service until a signal comes; print the variables that open it, as lines to paste."""
    from .local import LocalMomento, LocalUpstash

    if options.service == "upstash":
        server: LocalUpstash | LocalMomento = LocalUpstash(
            port=options.port,
            token=options.token,
            redis_url=options.redis_url,
            path=options.path,
            host=options.host,
            expose=options.expose,
        )
    elif options.path or options.redis_url:
        raise ValueError("--path and --redis-url are for `serve upstash`: Momento here keeps nothing")
    else:
        server = LocalMomento(
            port=options.port, token=options.token, host=options.host, expose=options.expose
        )
    with server:
        for name, value in environment(server).items():
            print(f"export {name}={value}", flush=True)
        threading.Event().wait()
    return 0


def _loaded(path: str) -> Iterator[Conversation]:
    """The conversations of the file `path`; a broken line is named on standard error and passed over."""
    for entry in read_conversations(path):
        if isinstance(entry, BrokenLine):
            print(f"chatmem_nb: {path}, {entry}; the other lines are loaded", file=sys.stderr)
        else:
            yield entry


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Have SIGTERM end the block as Ctrl+C does, so that everything is closed in good order."""

    def interrupt(signum: int, frame: FrameType | None) -> None:
        # Once: a second signal must not break off the closing.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m chatmem_nb", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    demo = commands.add_parser("demo", help="both services with samples, and JupyterLab on the quickstart")
    demo.add_argument(
        "--port", type=int, default=None, help="JupyterLab's port (default: 8888, or a free one)"
    )
    demo.add_argument("--no-browser", action="store_true", help="print the address, open nothing")
    demo.add_argument("--data", metavar="FILE.jsonl", help="conversations to load in place of the samples")

    serve = commands.add_parser("serve", help="one service on this machine, for other processes to use")
    serve.add_argument("service", nargs="?", choices=("upstash", "momento"), default="upstash")
    serve.add_argument("--port", type=int, default=0, help="default: a free one")
    serve.add_argument(
        "--token",
        default=os.environ.get("CHATMEM_TOKEN"),
        help="default: CHATMEM_TOKEN, or a random one; '' turns it off",
    )
    serve.add_argument("--path", help="file that keeps the sessions between runs (upstash)")
    serve.add_argument("--redis-url", help="a Redis server to use as the engine (upstash)")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen at")
    serve.add_argument("--expose", action="store_true", help="allow an address that others can reach")
    return parser


if __name__ == "__main__":
    sys.exit(main())
