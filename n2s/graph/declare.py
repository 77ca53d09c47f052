"""How a node is declared: ports, parameters, settings and outputs, from which check, schema, docs and key are read.

    class Vignette(Pointwise):
        '''Darken towards the corners.'''
        amount: Param = param(0.35, ge=0, le=1, help="how dark the corners get")

A *port* takes what another node gives. A *parameter* is a number that may move in time: a constant, a link or an
expression. A *setting* is constant.
"""

from __future__ import annotations

from n2s.graph.colours import Colour
from n2s.graph.kinds.echo import Echo
from n2s.graph.kinds.filter import Filter, Gaussians
from n2s.graph.kinds.lens import Lens
from n2s.graph.kinds.measure import Measure
from n2s.graph.kinds.pick import Pick
from n2s.graph.kinds.pointwise import Pointwise
from n2s.graph.kinds.resident import Resident
from n2s.graph.kinds.sink import Sink
from n2s.graph.kinds.streamed import Streamed
from n2s.graph.kinds.tables import Cube, Line, Table, Tile
from n2s.graph.node import DeclarationError, Node
from n2s.graph.parsing import (
    AnchorOrPicture,
    Every,
    FilePath,
    FolderPath,
    MusicalTime,
    MusicPath,
    Param,
    PicturePath,
    Seconds,
    VideoPath,
    When,
)
from n2s.graph.specs import Output, Spec, param, port, setting
from n2s.graph.types import FRAMES, LATENTS, MATTE, SIGNAL

# What authors of nodes import from here.
__all__ = [
    "FRAMES_OUTPUT",
    "LATENTS_OUTPUT",
    "MATTE_OUTPUT",
    "SIGNAL_OUTPUT",
    "AnchorOrPicture",
    "Colour",
    "Cube",
    "DeclarationError",
    "Echo",
    "Every",
    "FilePath",
    "Filter",
    "FolderPath",
    "PicturePath",
    "Gaussians",
    "Lens",
    "Line",
    "Measure",
    "MusicPath",
    "MusicalTime",
    "Node",
    "Output",
    "Param",
    "Pick",
    "Pointwise",
    "Resident",
    "Seconds",
    "Sink",
    "Spec",
    "Streamed",
    "Table",
    "Tile",
    "VideoPath",
    "When",
    "param",
    "port",
    "setting",
]


SIGNAL_OUTPUT = {"signal": Output(SIGNAL)}
LATENTS_OUTPUT = {"latents": Output(LATENTS)}
FRAMES_OUTPUT = {"frames": Output(FRAMES)}
MATTE_OUTPUT = {"matte": Output(MATTE)}
