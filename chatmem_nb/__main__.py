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
    # gRPC's own log lines (a port in use) add nothing to our messages; it reads this when it is imported,
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
    """Run both services with conversations, and JupyterLab on the quickstart, until a signal arrives."""
    from .local.demo import jupyterlab, notebooks_folder, redirect_file, seeded_servers

    conversations = sample_conversations() if options.data is None else _loaded(options.data)
    folder = notebooks_folder()
    with (
        seeded_servers(conversations) as variables,
        jupyterlab(folder, options.port, variables) as (address, process),
    ):
        print(f"Ready: {address}  (Ctrl+C ends it)", flush=True)
        if options.no_browser:
            process.wait()
        else:
            with redirect_file(address) as page:
                webbrowser.open(page.as_uri())
                process.wait()
    return process.returncode


def serve(options: argparse.Namespace) -> int:
    """Run one service until a signal arrives; print the variables that open it, as shell lines."""
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
        raise ValueError(
            "--path and --redis-url are for `serve upstash`: local Momento saves nothing; leave them out"
        )
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
    """Yield the conversations of the file `path`; report invalid lines on standard error and skip them."""
    for entry in read_conversations(path):
        if isinstance(entry, BrokenLine):
            print(f"chatmem_nb: {path}, {entry}; the other lines are loaded", file=sys.stderr)
        else:
            yield entry


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let SIGTERM end the block as Ctrl+C does, so that everything is closed and saved."""

    def interrupt(signum: int, frame: FrameType | None) -> None:
        # A second signal must not interrupt the closing.
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
    demo.add_argument("--no-browser", action="store_true", help="print the address only")
    demo.add_argument("--data", metavar="FILE.jsonl", help="conversations to load instead of the samples")

    serve = commands.add_parser("serve", help="one service on this machine, for other processes to use")
    serve.add_argument("service", nargs="?", choices=("upstash", "momento"), default="upstash")
    serve.add_argument("--port", type=int, default=0, help="default: a free one")
    serve.add_argument(
        "--token",
        default=os.environ.get("CHATMEM_TOKEN"),
        help="default: CHATMEM_TOKEN, or a random one; '' turns authentication off, on this machine only",
    )
    serve.add_argument("--path", help="file that saves the sessions between runs (upstash)")
    serve.add_argument("--redis-url", help="Redis server that runs the commands (upstash)")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on")
    serve.add_argument("--expose", action="store_true", help="allow an address that other machines can reach")
    return parser


if __name__ == "__main__":
    sys.exit(main())
