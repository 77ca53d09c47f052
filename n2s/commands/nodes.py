"""n2s nodes: list the node types, or explain one."""

from __future__ import annotations

from typing import Annotated

import typer

from n2s.commands.common import AsJson, say
from n2s.commands.output import write_line

# Imported inside functions is what help and completion do not need, so that these start fast.


def nodes(
    name: Annotated[str | None, typer.Argument(help="a node type; default: list all", metavar="NAME")] = None,
    as_json: AsJson = False,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="print Markdown; without NAME, the text of docs/nodes.md")
    ] = False,
) -> None:
    """List the node types, or explain one: what it does, its inputs, settings and outputs, with an example."""
    from difflib import get_close_matches

    from n2s.graph.describe.descriptions import by_subject, describe, own
    from n2s.graph.describe.page import handbook, listing, markdown, page
    from n2s.graph.errors import GraphError
    from n2s.graph.registry import registry, suggest
    from n2s.runtime.pixel_code import type_mistakes

    types = registry().types
    if name in registry().doubled or name in registry().unfinished:
        raise GraphError(registry().why_missing(name))
    if name is not None and name not in types:
        lowered = {known.lower(): known for known in types}
        near = get_close_matches(name.lower(), lowered, 1, 0.6)
        if registry().blamed(name):
            raise GraphError(registry().why_missing(name))
        text = f'There is no node type "{name}". {suggest(lowered[near[0]] if near else name, list(types))}'
        raise GraphError(" ".join([text, *registry().broken]))
    chosen = [types[name]] if name else [cls for group in by_subject(types.values()).values() for cls in group]
    if as_json:
        for cls in chosen:
            write_line(describe(cls))
    elif as_markdown:
        print(markdown(chosen[0]) if name else handbook(own(chosen)), end="")
    else:
        print(page(chosen[0]) if name else listing(chosen))
    for cls in chosen:
        for text in type_mistakes(cls):
            say(f"{cls.__name__}: {text}.")
    for note in registry().notes if not name else ():
        say(note)
