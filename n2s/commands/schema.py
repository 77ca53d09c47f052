"""n2s schema: describe graph files for editors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from n2s.commands.common import report_file
from n2s.commands.output import escape_needed
from n2s.graph.whole import write_whole

# Imported inside functions is what help and completion do not need, so that these start fast.


def schema(
    output: Annotated[Path | None, typer.Option("-o", "--output", help="the file to write; default: print it")] = None,
) -> None:
    """Write the JSON Schema of graph files with all installed node types, for completion and help in editors."""
    import json

    from n2s.graph.describe.schema import graph_schema
    from n2s.graph.errors import GraphError

    text = json.dumps(graph_schema(), indent=1, ensure_ascii=output is None and escape_needed())
    if output is None:
        print(text)
        return
    try:
        write_whole(output, lambda path: path.write_text(f"{text}\n", encoding="utf-8"))
    except OSError as error:
        raise GraphError(f"{output} cannot be written: {error.strerror}.") from None
    report_file(output, False)
