"""Nodes that join each frame with those before it."""

from __future__ import annotations

from typing import Any, ClassVar

from n2s.graph.kinds.pointwise import Pointwise


class Echo(Pointwise):
    """A node that looks back in time: each pixel is made from the picture, and from what was there in past frames.

    Its author writes

    - ``reach(self, fps)``, which settings alone decide: the ages of the frames that are read, in film frames, whole
      numbers that rise: ``(1, 2, 3)``, ``range(2, 26, 2)``. Age 0 is the frame itself. Musical times in settings are
      in seconds there and in ``prepare_steps``: ``self.length.value``;
    - the static method ``step(total, rgb, age, at, <numbers>)``: one past frame joins the total. It is called for each
      age, from the oldest to the newest, and begins with black, (0, 0, 0). ``rgb`` is the past frame's light
      (`n2s.graph.shader.to_light`), because light is what can be added up; ``age`` is in seconds. Frames before the
      first do not exist, and take no step;
    - the static method ``pixel(rgb, past, at, <numbers>)``, which joins one (r, g, b) tuple per Frames port and
      ``past``, the last total.

    It may write

    - the static method ``where(x, y, age, at, <numbers>)``, which returns the place (x, y) that a past frame is read
      at for the place (x, y) of the total. Places are counted from the centre in shares of the frame's height, x to
      the right, y down. Between pixels, light is interpolated linearly; beyond the edges it is black;
    - ``still``, the values of parameters under which ``where`` returns the place that it is given. In frames with these
      values it is not called, which is faster by far;
    - ``scale(self)``, 1 or 2: at 2 the past is made from frames of half the size, and enlarged linearly;
    - ``prepare_steps(self, age, there, <parameters>)``, which returns the numbers that ``step`` and ``where`` take, by
      name, as arrays of (B, K) or ones that broadcast to it. ``age`` is float32 (K,), in seconds; ``there`` is bool
      (B, K) and says which past frames exist; parameters are float32 (B, 1). Without it these numbers are the
      parameters. Parameters are those of the frame that is made, for all ages.

    ``prepare`` is as in `Pointwise`, for ``pixel``. ``at`` is the pixel of the frame that is made, in ``step`` and
    ``where`` too; where the past is smaller, it is the pixel of the smaller frame.
    """

    kind: ClassVar[str] = "echo"
    part: ClassVar[str] = "past"
    still: ClassVar[dict[str, float]] = {}

    def scale(self) -> int:
        return 1

    def prepare_steps(self, age: Any, there: Any, *_: Any, **params: Any) -> dict[str, Any]:
        return params
