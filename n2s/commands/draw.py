"""n2s draw: a graph as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from n2s.commands.common import GraphFile, Overrides, load


def draw(
    graph: GraphFile,
    output: Annotated[Path | None, typer.Option("-o", "--output", help=".svg, .png, .pdf or .dot; GRAPH.svg when left out")] = None,
    set_: Overrides = (),
) -> None:
    """Draw a graph: nodes with their settings, links coloured by what flows."""
    from n2s.graph.diagram import diagram, render_diagram

    loaded = load(graph, set_)
    target = output or graph.with_suffix(".svg")
    render_diagram(diagram(loaded), target)
    print(target)
