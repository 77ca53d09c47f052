"""An album: a graph of tracks."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import model_validator

from n2s.graph.declare import FilePath, Node, Output, Seconds, port, setting
from n2s.graph.expressions import Number
from n2s.graph.types import FILM, Films
from n2s.nodes.sinks import Encoded

SHORTEST_CARD = 0.5  # s


class Track(Node):
    """Stand for the film of another graph, in an album."""

    kind: ClassVar[str] = "track"

    path: FilePath = setting(help="the track's graph, relative to this one", keyed=False)
    title: str | None = setting(None, help="the chapter's name; the graph's own title when left out", keyed=False)
    gap: Seconds | None = setting(
        None, ge=0, le=60, unit="s", keyed=False, help="how long it is black and silent before this track"
    )
    crossfade: Seconds | None = setting(
        None, ge=0, le=60, unit="s", keyed=False, help="how long the track before dissolves into this one"
    )
    preset: str | None = setting(None, help="one of the presets of the track's graph", keyed=False)
    set: dict[str, Any] = setting({}, help="settings of the track's graph, by node.setting", keyed=False)

    outputs = {"film": Output(FILM, "the track's film")}
    example = {"path": "track.yaml"}

    @model_validator(mode="after")
    def _follows_in_one_way(self) -> Track:
        _check_seam(self.gap, self.crossfade)
        return self


class Album(Encoded):
    """Join tracks to one film, gapless and without encoding a picture twice, one chapter per track.

    The album's frame rate, size and coding hold for all its tracks; a track that states another is an error. Track k
    begins at the film frame nearest to the summed length of the music before it, in exact numbers, so that nothing
    drifts: picture and sound are never apart by more than half a frame. The music is joined sample by sample, under one
    gain where one of the tracks is above full scale. Tracks with different channels are mixed to stereo, none of them
    left out, at gains under which nothing clips.

    Tracks may have several sample rates: the album has the one of ``audio_rate``, or the highest of theirs up to 48
    kHz, and music of another is converted, exact in time.

    Tracks follow each other at once; or after a ``gap`` of black and silence, which ``cards`` fill with the title of
    the track that follows, before the first one too; or each dissolves into the next during a ``crossfade``, its
    frames in light, and its music with equal power: a cos(f pi / 2) + b sin(f pi / 2). A track's own ``gap`` or
    ``crossfade`` says how it follows the one before, whatever the album says.
    """

    tracks: Films = port("the tracks, in their order")
    gap: Seconds = setting(
        0.0, ge=0, le=60, unit="s", keyed=False, help="how long it is black and silent between tracks"
    )
    crossfade: Seconds = setting(
        0.0, ge=0, le=60, unit="s", keyed=False, help="how long each track dissolves into the next"
    )
    cards: bool = setting(
        False, help="show the title of each track before it, in the gap, which is 4 s where it is left out", keyed=False
    )
    normalise: Literal["album", "track"] = setting(
        "album", help="whether loudness is that of the whole album, by one gain, or of each track", keyed=False
    )

    outputs = {"film": Output(FILM)}
    example = {"path": "album.mp4"}

    @model_validator(mode="after")
    def _shows_cards(self) -> Album:
        if self.cards and 0 < self.gap.value < SHORTEST_CARD:
            raise ValueError(
                f"gap: a card is shown for {SHORTEST_CARD:g} s at least; make it longer, or leave out cards"
            )
        if self.cards and self.crossfade.value:
            raise ValueError("crossfade: cards stand in gaps between tracks; leave out one of the two")
        _check_seam(self.gap, self.crossfade)
        return self


def _check_seam(gap: Number | None, crossfade: Number | None) -> None:
    if gap and crossfade and gap.value and crossfade.value:
        raise ValueError("crossfade: tracks follow each other after a gap or dissolved into each other, not both")
