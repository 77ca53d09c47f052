"""What nodes of text share: their font, their times, and how letters are laid over a picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from n2s.graph.colours import Colour, display_of
from n2s.graph.context import Block, Scene
from n2s.graph.declare import MATTE_OUTPUT, FilePath, Node, Param, Pointwise, Streamed, param, port, setting
from n2s.graph.errors import GraphError
from n2s.graph.expressions import Number
from n2s.graph.keys import digest, plain
from n2s.graph.links import Link
from n2s.graph.shader import mix, to_display, to_light
from n2s.graph.time import Clock, outside
from n2s.graph.types import Frames, Matte, Signal
from n2s.lettering.font import Font, FontError, open_font, shaper_version, shipped_font
from n2s.lettering.shaping import lack_of

DEPTH = 3.0  # how much darker than the mere blur of the letters a shadow is, where it is faint
MARKS = 3  # numbers in a cue that name all else that decides pixels
HEX = 5  # digits in each of them: whole numbers that float32 holds


class WithFont(Node):
    """The settings of a font, for nodes of text. They are keyed by their cue: see `mark`."""

    font: FilePath | None = setting(
        None, keyed=False, help="a font file, .ttf or .otf, relative to the graph's; Manrope, which is shipped"
    )
    weight: int = setting(
        300, ge=1, le=1000, keyed=False, help="how bold: of the shipped font 300 or 600, of a variable font any"
    )

    def font_file(self, resolve: Callable[[str], Path]) -> Path:
        return resolve(self.font) if self.font else shipped_font(self.weight)

    def open_font(self, resolve: Callable[[str], Path]) -> Font:
        return open_font(self.font_file(resolve), self.weight)

    def check_font(self, resolve: Callable[[str], Path], text: str, field: str) -> list[tuple[tuple, str]]:
        """Return what is wrong with the font, and what it lacks for a text, of which ``field`` names the setting."""
        try:
            font = self.open_font(resolve)
            lack = lack_of(font, text)
        except FontError as error:
            return [(("font" if self.font else field,), str(error))]
        return [((field,), lack)] if lack else []

    def mark(self, scene: Scene, of: type[Node], shown: tuple[str, ...]) -> list[int]:
        """Return numbers, `MARKS` of them, that name all settings of a type that decide which pixels letters cover.

        Left out are those in ``shown``, times above all, which the other numbers of the cue follow from.

        A cue holds these numbers in the frames that show letters, and 0 in all others. So frames without letters are
        the same whatever the text is, and are not rendered again when it is edited.
        """
        settings = {name: plain(getattr(self, name)) for name in of.settings() if name not in ("font", *shown)}
        font = scene.context.file_digest(self.font_file(scene.path))
        return marked([of.__name__, settings, font, shaper_version()])


class LetterMatte(Streamed):
    """The base of mattes that show where letters are, as their cue says frame by frame.

    A type opens its sheet: the lines laid out for a run, whose ``stamps`` say what stands in a frame by a row of the
    cue, and whose ``drawn``, `n2s.lettering.stamps.Stamps`, draws it.
    """

    cue: Signal = port("what is shown when")
    blur: float = setting(0.0, ge=0, le=0.5, unit="heights", help="how soft its edges are, as for a shadow")

    outputs = MATTE_OUTPUT
    reads = frozenset()

    def compute(self, block: Block, cue: np.ndarray) -> np.ndarray:
        sheet = block.resources
        return sheet.drawn.frames([sheet.stamps(row) for row in cue.astype(np.float64)])


class Lettered(Pointwise):
    """Letters over a picture, in light: a shadow first, then the letters.

    out = to_display(mix(mix(L, shade colour, shadow s), colour, opacity m)), L the picture's light, m how much of a
    pixel letters cover, s = 3 b / (1 + 2 b), b their blur.
    """

    frames: Frames = port("what the letters are laid over")
    letters: Matte = port("how much of each pixel they cover; made by the node", optional=True)
    shade: Matte = port("the same, blurred; made by the node", optional=True)
    colour: Colour = setting("#fbf6ec", help="of the letters, as #rrggbb")
    opacity: Param = param(1.0, ge=0, le=1, help="how much of the letters and their shadow shows")
    shadow: Param = param(0.5, ge=0, le=1, help="how strong the soft shadow is that sets them off")
    shadow_colour: Colour = setting("#000000", help="of the shadow, as #rrggbb; a bright one makes it a glow")
    shadow_size: float = setting(0.022, ge=0.001, le=0.5, unit="heights", keyed=False, help="how soft the shadow is")

    neutral = {"opacity": 0}
    neutral_mattes = ("letters", "shade")

    def brings_letters(self, name: str, cue: type[Node], matte: type[LetterMatte]) -> dict[str, Node]:
        """Return the nodes, of two types, that say what is shown when and draw it: as letters, and as their shadow.

        What the graph has already is left out.
        """
        shared = settings_of(self, matte) | {"cue": Link(f"{name}:cue")}
        found: dict[str, Node] = {}
        if self.letters is None:
            found[f"{name}:letters"] = matte(**shared, blur=0.0)
        if self.shade is None and not (isinstance(self.shadow, Number) and self.shadow.value == 0):
            found[f"{name}:shade"] = matte(**shared, blur=self.shadow_size)
        return {f"{name}:cue": cue(**settings_of(self, cue)), **found} if found else {}

    def prepare(self, opacity: Any, shadow: Any, **others: Any) -> dict[str, Any]:
        lights = {
            f"{which}_{channel}": np.float32(value) * np.float32(value)
            for which, colour in (("ink", self.colour), ("dark", self.shadow_colour))
            for channel, value in zip(("red", "green", "blue"), display_of(colour))
        }
        return {"opacity": opacity, "shadow": shadow * opacity, **lights}

    @staticmethod
    def pixel(rgb, letters, shade, at, opacity, shadow, ink_red, ink_green, ink_blue, dark_red, dark_green, dark_blue):
        ink = letters * opacity
        dark = shadow * (DEPTH * shade / (1 + (DEPTH - 1) * shade))
        r = lettered(rgb[0], ink_red, dark_red, ink, dark)
        g = lettered(rgb[1], ink_green, dark_green, ink, dark)
        b = lettered(rgb[2], ink_blue, dark_blue, ink, dark)
        there = max(ink, dark)  # where there is nothing, -0 stays -0, too
        return r if there > 0 else rgb[0], g if there > 0 else rgb[1], b if there > 0 else rgb[2]


def lettered(colour, light, shade, ink, dark):
    """Return a display value under a shadow and a letter; where there is neither, itself to the last bit."""
    under = to_light(colour)
    return colour - (to_display(under) - to_display(mix(mix(under, shade, dark), light, ink)))


def marked(what: Any) -> list[int]:
    """Return numbers that name plain data."""
    named = digest(what)
    return [int(named[i * HEX : (i + 1) * HEX], 16) for i in range(MARKS)]


def settings_of(node: Node, cls: type[Node]) -> dict[str, Any]:
    """Return what is set of a node's settings and parameters that another type has too, by name."""
    shared = [*cls.settings(), *cls.params()]
    return {name: getattr(node, name) for name in shared if name in node.model_fields_set and name != "cache"}


def span_of(clock: Clock, at: Any, length: Any, until: Any = None) -> tuple[float, float]:
    """Return when something begins and ends, in seconds: at ``until``, or after a length of time."""
    begin = float(clock.on_frames(clock.place(at)))
    if until is not None:
        end = float(clock.on_frames(clock.place(until)))
        if not end > begin:
            raise GraphError(f"until, {until}, is at {end:g} s; it must be after at, {at}, which is at {begin:g} s.")
        return begin, end
    return begin, float(clock.on_frames(clock.after(begin, length)))


def outside_span(clock: Clock, at: Any, length: Any, until: Any = None) -> list[tuple[tuple, str]]:
    """Return, for `Node.check_times`, whether what begins at the setting ``at`` lies wholly outside the film."""
    begin, end = span_of(clock, at, length, until)
    return [(("at",), text)] if (text := outside(clock, "it", begin, end)) else []


def is_after(first: Any, second: Any) -> bool:
    """Say whether a place in the track cannot be before another one, as far as that is known without the music."""
    kinds = {"": "s", "ms": "s", "beats": "beat", "bars": "bar"}
    if not (isinstance(first, Number) and isinstance(second, Number)):
        return False
    alike = kinds.get(first.unit, first.unit) == kinds.get(second.unit, second.unit)
    return alike and first.resolve(120.0) >= second.resolve(120.0)


def faded(times: np.ndarray, begin: float, end: float | np.ndarray, fade_in: float, fade_out: float) -> np.ndarray:
    """Return how much shows at some times, 0..1: it comes smoothly from ``begin`` on, and is gone at ``end``.

    Where both do not fit they are shortened alike.
    """
    scale = np.minimum(1.0, (end - begin) / max(fade_in + fade_out, 1e-9))
    come = (times - begin) / np.maximum(fade_in * scale, 1e-9)
    go = (end - times) / np.maximum(fade_out * scale, 1e-9)
    share = np.clip(np.minimum(come + (fade_in == 0), go), 0, 1) * (times >= begin) * (times < end)
    return share * share * (3 - 2 * share)
