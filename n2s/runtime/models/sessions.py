"""What all nets on open sessions share: how they are recognised, and how memory that runs out is told."""

from __future__ import annotations

import re
from typing import Any

from n2s.graph.errors import RenderError

OUT_OF_MEMORY = re.compile(
    "Failed to allocate memory for requested buffer|out of memory|CUDNN_STATUS_ALLOC_FAILED|CUBLAS_STATUS_ALLOC_FAILED"
    "|bad_alloc",
    re.IGNORECASE,
)


class ProviderExhausted(RenderError):
    """CUDA's memory does not hold what it was to decode at once; what is left must be planned again.

    ``frames`` is how many it is to decode at once from here on; 0: the CPU decodes.
    """

    frames = 0


def is_net_of_arrays(session: Any) -> bool:
    """Say whether a net takes one float32 array of four axes and gives one, as all nets of a model do."""
    inputs, outputs = session.get_inputs(), session.get_outputs()
    form = [(each.type, len(each.shape)) for each in (*inputs, *outputs)]
    return len(inputs) == len(outputs) == 1 and form == [("tensor(float)", 4)] * 2


def said(error: Exception) -> str:
    """Return what onnxruntime said, short enough for a line."""
    return str(error).splitlines()[0][:200]
