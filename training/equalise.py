"""Scale the channels of a decoder to equal ranges before it is quantised.

int8 has one range for all channels of a tensor, so the channel with the widest values decides how coarse all others
are.

The sums of residual blocks (`models.ResBlock`) are written by convolutions and read by convolutions, with only
additions and doublings of the size between them. So each channel may be divided by a factor f without changing a frame:

    writers: W[c] / f[c], b[c] / f[c]        readers: W[:, c] * f[c]

f is the widest value of a channel divided by that of the widest channel, so that all channels use all levels. The
weights lose no precision: those of writers have one range per channel, those of readers 30 dB more than they need. A
sum that anything non-linear reads, as the SiLU at the end does, is left as it is. After Nagel et al., Data-Free
Quantization Through Weight Equalization and Bias Correction (2019), which scales what a ReLU passes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import networkx as nx
import numpy as np
import onnx
from onnx import numpy_helper

from .activations import measure_tensors

LINEAR = ("Add", "Resize")  # scale a channel of their input, and their output is scaled by the same factor
LEAST = 0.05  # the smallest f: a channel of almost no effect is not enlarged beyond 20 times


@dataclass
class Sum:
    """Tensors that carry the same channels, with the convolutions that write and read them."""

    writers: list[onnx.NodeProto] = field(default_factory=list)
    readers: list[onnx.NodeProto] = field(default_factory=list)

    @property
    def quantised(self) -> list[str]:
        """The tensors that int8 rounds: what goes into a convolution, and what comes out of one."""
        return list(dict.fromkeys([node.output[0] for node in self.writers] + [node.input[0] for node in self.readers]))


def sums(graph: onnx.GraphProto) -> list[Sum]:
    """Return the sums that only convolutions write and read, in the order of the graph."""
    known = {tensor.name for tensor in graph.initializer}
    joined = nx.Graph()
    for node in graph.node:
        joined.add_nodes_from(node.output)
        if node.op_type in LINEAR:
            joined.add_edges_from((name, node.output[0]) for name in node.input if name and name not in known)
    outer = {value.name for value in [*graph.input, *graph.output]}
    found = []
    for names in nx.connected_components(joined):
        within = Sum()
        alone = not names & outer
        for node in graph.node:
            if node.op_type in LINEAR:
                alone &= not (names & set(node.output) and node.op_type == "Add" and known & set(node.input))
                continue
            if names & set(node.output):
                within.writers.append(node)
            if names & set(node.input):
                within.readers.append(node)
        nodes = within.writers + within.readers
        if alone and within.readers and len(within.writers) > 1 and all(node.op_type == "Conv" for node in nodes):
            found.append(within)
    return found


def reach(
    model: onnx.ModelProto, names: Sequence[str], batches: Sequence[np.ndarray], spared: float
) -> dict[str, np.ndarray]:
    """Return how far each channel of some tensors reaches from 0, (C,), over the latents but for a few."""
    found = measure_tensors(model, names, batches, lambda values: np.abs(values).max((0, 2, 3)))
    return {name: np.quantile(ends, 1 - spared, axis=0) for name, ends in zip(names, found)}


def equalise(model: onnx.ModelProto, batches: Sequence[np.ndarray], spared: float = 0.1) -> None:
    """Scale the channels of every sum so that they reach as far as each other; changes the weights in place.

    Parameters
    ----------
    model : ModelProto
        A float32 decoder without norms. One with norms is left as it is: there, norms write the sums.
    batches : sequence of array
        Latents (1, C, h, w) such as films decode.
    spared : float
        Part of the latents whose widest values are not counted.
    """
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    found = sums(model.graph)
    if not found:
        return
    reaches = reach(model, [name for each in found for name in each.quantised], batches, spared)

    def scale(name: str, factor: np.ndarray) -> None:
        tensors[name].CopyFrom(
            numpy_helper.from_array((numpy_helper.to_array(tensors[name]) * factor).astype(np.float32), name)
        )

    for each in found:
        parts = [reaches[name] / max(float(reaches[name].max()), 1e-6) for name in each.quantised]
        factor = np.sqrt(np.mean(np.square(parts), axis=0))
        factor = np.maximum(factor / max(float(factor.max()), 1e-6), LEAST)
        for node in each.writers:
            scale(node.input[1], 1 / factor[:, None, None, None])
            if len(node.input) > 2:
                scale(node.input[2], 1 / factor)
        for node in each.readers:
            scale(node.input[1], factor[:, None, None])
