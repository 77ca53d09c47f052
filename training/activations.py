"""What the tensors inside an ONNX decoder hold while it decodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import onnx
import onnxruntime


def measure_tensors(
    model: onnx.ModelProto, names: Sequence[str], batches: Sequence[np.ndarray], of: Callable[[np.ndarray], np.ndarray]
) -> list[np.ndarray]:
    """Return what ``of`` makes of each named tensor (1, C, h, w), over all latents: (batches, ...) for each name."""
    shown = onnx.ModelProto()
    shown.CopyFrom(model)
    known = {output.name for output in shown.graph.output}
    shown.graph.output.extend(
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in names if name not in known
    )
    session = onnxruntime.InferenceSession(shown.SerializeToString(), providers=["CPUExecutionProvider"])
    rows = ([of(values) for values in session.run(list(names), {"latents": batch})] for batch in batches)
    return [np.stack(column) for column in zip(*rows)]
