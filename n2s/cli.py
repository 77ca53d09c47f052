"""The command line: n2s COMMAND."""

from __future__ import annotations

import atexit
import gc
import os
import platform
import signal
import sys
import threading
from contextlib import nullcontext
from typing import Annotated, Any, cast

import typer

from n2s.commands import (
    anchors,
    cache,
    check,
    draw,
    explain,
    export,
    looks,
    new,
    nodes,
    plan,
    preview,
    run,
    schema,
    why,
)
from n2s.commands.common import print_line, problem_fields
from n2s.commands.output import lost_output, protect_streams, reserved_for_lines
from n2s.graph.errors import N2SError
from n2s.version import VERSION

INTERRUPTED = 130

app = typer.Typer(
    name="n2s",
    help="noise-to-signal: turn music into film with graphs.",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def print_version(asked: bool) -> None:
    """Print which n2s this is, and end."""
    if asked:
        print(version_text())
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=print_version, is_eager=True, help="print version and model, and end"),
    ] = False,
) -> None:
    """noise-to-signal: turn music into film with graphs."""


def version_text() -> str:
    """Return the versions of n2s and Python, and the digest of the decoder of the model that is shipped."""
    from n2s.runtime.models.cards import read_card, shipped_folder  # here, because nothing else needs it so early

    folder = shipped_folder()
    try:
        decoder = read_card(folder / "meta.json")["files"]["decoder.int8.onnx"]["sha256"][:12]
    except (OSError, N2SError, KeyError):
        decoder = "none"
    return f"n2s {VERSION}, Python {platform.python_version()}, model {decoder}"


# In the order in which they are met, in words that fit on a line of `n2s --help`.
COMMANDS = {
    new.new: "Write a graph for a piece of music.",
    looks.looks: "List the looks, explain one, or show them all on a song.",
    run.run: "Render the films of a graph.",
    preview.preview: "Draw a frame, a sheet of frames, or the plot of a signal.",
    check.check: "Find mistakes and missing files; render nothing.",
    plan.plan: "Show stages, what drives them, and what is stored.",
    why.why: "Show why chunks have to be rendered.",
    explain.explain: "Say which graph, settings and run a film came from.",
    export.export: "Write the numbers of a node, or beats as labels.",
    draw.draw: "Draw a graph as a diagram.",
    nodes.nodes: "List the node types, or explain one.",
    schema.schema: "Write a JSON Schema of graphs, for editors.",
}
for command, short_help in COMMANDS.items():
    app.command(short_help=short_help)(command)
app.add_typer(cache.app)
app.add_typer(anchors.app)


def main() -> None:
    """Run the command line; exit with 0 done, 1 the render failed, 2 the input is wrong, 130 interrupted."""
    for name in ("SIGTERM", "SIGHUP"):  # being asked to end is an interruption too, and so is a terminal that is closed
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:  # as nohup sets it
            signal.signal(number, signal.default_int_handler)
    protect_streams()
    # Modules and graphs are many objects that stay. Searching them for garbage takes time, most of all at the end, when
    # Python searches all that are not frozen.
    gc.set_threshold(100_000, 20, 20)
    atexit.register(gc.freeze)
    # numpy's threads wait in a loop for 2**20 cycles before they sleep. The default of 2**26 costs as much processor
    # time as importing numpy, and nothing here gives them work.
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "20")
    with reserved_for_lines() if "--json" in sys.argv and "--help" not in sys.argv else nullcontext():
        run_command()


def run_command() -> None:
    """Run the command that was asked for; say what went wrong and exit where something did."""
    try:
        if app(standalone_mode=False) == INTERRUPTED:  # how typer reports Ctrl-C where it does not exit itself
            raise KeyboardInterrupt
    except (KeyboardInterrupt, typer.Abort):
        try:
            fail("Interrupted. What is finished is kept: run the same command again to go on.", INTERRUPTED)
        finally:
            leave_compilers()
    except N2SError as error:
        from n2s.graph import authors  # here, because help and most commands that end well need none of it

        if authors.traceback_wanted() and (traceback := authors.whole_traceback(error)):
            print(traceback, file=sys.stderr)
        fail(str(error), error.exit_status, getattr(error, "problems", None), what_to_type())
    except Exception as error:
        if isinstance(error, FileNotFoundError) and is_nowhere():
            fail("The current folder is gone, so paths cannot be told; change to another one.", 2)
        if (show := getattr(error, "show", None)) is None:  # not one of the command line's own
            raise
        if told := wrong_number(error):
            fail(told, 2)
        if told := what_to_type():
            said = cast(Any, error).format_message().partition(" (Possible options")[0]
            fail(f"{said.rstrip('.')}.", 2, hint=told)
        if "--json" in sys.argv:
            fail(cast(Any, error).format_message(), 2)
        show()
        sys.exit(2)
    if lost := lost_output():
        print(lost, file=sys.stderr)  # also beside structured lines, which go nowhere
        sys.exit(1)


def is_nowhere() -> bool:
    """Say whether the current folder was deleted: what makes a path absolute or relative fails there."""
    try:
        os.getcwd()
    except OSError:
        return True
    return False


def wrong_number(error: Any) -> str:
    """Say which numbers an option takes that was given another, and what it is for; "" for any other mistake."""
    param, cause = cast(Any, getattr(error, "param", None)), error.__cause__
    least, most = getattr(param, "min", None), getattr(param, "max", None)
    if (least is None and most is None) or not hasattr(cause, "errors"):
        return ""
    wanted = f"at least {least}" if most is None else f"{'' if least is None else least} to {most}".strip()
    taken = getattr(getattr(param, "type_descriptor", None), "annotation", None)  # its limits may be whole without it
    given, whole = cause.errors()[0]["input"], "whole " * (taken is int)
    return f'{param.opts[0]} takes a {whole}number, {wanted}, not "{given}": {param.help.rstrip(".")}.'


def leave_compilers() -> None:
    """End now where a kernel is still being compiled, which nothing can interrupt: all else has been put in order."""
    if any(thread.name == "n2s compiling" for thread in threading.enumerate()):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(INTERRUPTED)


def what_to_type() -> str:
    """Return what to type in place of a command line whose words stand in the wrong place; "" where they do not."""
    from n2s.commands.hints import hint  # here, because only mistakes need it

    return hint(sys.argv[1:], typer.main.get_command(app))


def fail(text: str, status: int, problems: list | None = None, hint: str = "") -> None:
    """Say what went wrong and leave: in words, or as one structured line; ``hint``: what to type instead."""
    if "--json" in sys.argv:
        told = {"hint": hint} if hint else {}
        print_line({"error": [problem_fields(problem) for problem in problems or [text]], **told})
        sys.exit(status)
    sys.stdout.flush()
    print("\n".join(filter(None, [text, hint])), file=sys.stderr)
    sys.exit(status)
