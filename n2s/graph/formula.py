"""The node that stands for an expression at a port, so that plan, keys and kernels know no expressions."""

from __future__ import annotations

from typing import Any

from n2s.graph.declare import Output, Param, Resident, param
from n2s.graph.types import SIGNAL


class Formula(Resident):
    """Stands for an expression where a port wants a signal."""

    value: Param = param(0.0, ge=-1e9, le=1e9, help="the expression")

    rate = "any"
    outputs = {"signal": Output(SIGNAL)}

    def compute(self, scene: Any, value: Any) -> Any:
        return value
