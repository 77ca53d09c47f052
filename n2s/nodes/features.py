"""What is heard in the music, as signals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import field_validator

from n2s.graph.context import AudioHandle, Scene
from n2s.graph.declare import FilePath, Output, Resident, Seconds, port, setting
from n2s.graph.errors import MediaError
from n2s.graph.expressions import Number
from n2s.graph.landmarks import LETTERS, Landmarks
from n2s.graph.time import Clock
from n2s.graph.timecodes import minutes
from n2s.graph.times import Point, check_rising, is_musical
from n2s.graph.types import SIGNAL, Audio
from n2s.hearing.beats import Beats, find_beats
from n2s.hearing.form import Form, find_form, stated_form
from n2s.hearing.grid import USUAL, Grid
from n2s.hearing.gridfile import read_grid, read_sections
from n2s.hearing.net import WEIGHTS, Ears
from n2s.hearing.song import Kind, hear
from n2s.nodes.heard import MEASURES, TONES, attacks_and_drums, levels, musical_time, sections, tension
from n2s.nodes.unreadable import unreadable

NEAR = 1.08  # how far a tempo that the user states may be from the beats, either way
MOST_TOLD = 12  # sections, and drops, that are listed
METRE_BEATS = {"2/4": 2, "3/4": 3, "4/4": 4, "6/8": 2}


class Features(Resident):
    """Hear the music: loudness, brightness, noisiness, attacks, bands, timbre, drums, harmony, tempo, beats and bars.

    One short-time spectrum of about 46 ms at a fixed hop, whatever the frame rate, pooled to film frames by its mean in
    windows centred on each frame's exact time. ``features.rms`` and its like lie in 0..1, from the 2nd percentile of
    the track to the 99.8th; ``features.rms_raw`` is in its physical unit.

    ``onset``, ``kick``, ``snare`` and ``hat`` are 0 but in the frames in which something begins or a drum is struck,
    and as high there as this is hard; an `EMA` with a short attack gives them a tail.
    ``beat_phase`` runs from 0 to 1 within each beat and ``bar_phase`` within each bar; ``beat`` and ``bar`` count from
    the first one on, ``beat_in_bar`` from 0. Each beat begins with a frame: with the nearest one, or with the one
    beside it where its drum is struck; when it begins to the sample ``beat_began`` says. ``tempo`` is that of the beats
    around, in beats per minute; music without a tempo is taken at 120, in fours. ``sure`` says how sure the beats
    around are.

    Sections are bars that sound alike, of verse or chorus for instance: ``section`` counts them from 0,
    ``section_count`` says how many there are, ``section_phase`` runs from 0 to 1 within each one, and of ``section_is``
    the column of its letter is 1: ``section_is.A`` in all sections that sound like the first one, ``section_is.H`` in
    those of the eighth kind and of all later ones. ``build``, ``drop``, ``rest`` and ``sustain`` are weights that sum
    to 1: it builds up to a drop, a drop has just begun, it is quiet, or it goes on. Of ``chroma``, ``chroma.Cs`` is C
    sharp; tones are heard from A2 to A6, the lower ones in windows of 0.2 s.

    What is heard may be corrected: with ``tempo``, here or in the graph's header, beats are looked for within 8 % of
    it; with ``first_beat`` too they are not looked for at all, but lie at even distances from there. ``tempo_map`` says
    from when on which tempo holds, and a file with ``beats`` where each one is; ``n2s export --labels`` writes what was
    heard, to be corrected.
    """

    audio: Audio = port("the music")
    tempo: float | None = setting(
        None, ge=20, le=400, unit="beats per minute", help="the tempo, where it was heard wrong; or the graph's tempo:"
    )
    first_beat: Seconds | None = setting(None, ge=0, le=36000, unit="s", help="a beat that begins a bar")
    metre: Literal["2/4", "3/4", "4/4", "6/8"] | None = setting(None, help="the metre, where it was heard wrong")
    tempo_map: list[Point] | None = setting(None, help="[[time, beats per minute], …]: no beats are looked for")
    beats: FilePath | None = setting(
        None, help="a file with beats, or sections: labels of Audacity (.txt), MIDI (.mid), Rekordbox (.xml)"
    )

    ears: Kind = setting(
        "net", help="what hears beats and drums: a trained net, or plain formulas, which err more often"
    )

    rate = "any"
    outputs = (
        {name: Output(SIGNAL, what, "0..1", columns, name == "onset") for name, (_, columns, what) in MEASURES.items()}
        | {f"{name}_raw": Output(SIGNAL, what, unit, columns) for name, (unit, columns, what) in MEASURES.items()}
        | {
            "kick": Output(SIGNAL, "bass drums", "0..1", impulses=True),
            "snare": Output(SIGNAL, "snares and claps", "0..1", impulses=True),
            "hat": Output(SIGNAL, "hi-hats and other cymbals", "0..1", impulses=True),
            "beat_phase": Output(SIGNAL, "position within the beat", "0..1"),
            "beat": Output(SIGNAL, "beats since the first one", "beats"),
            "beat_began": Output(SIGNAL, "when the beat began, to the sample and not to the frame", "s"),
            "bar_phase": Output(SIGNAL, "position within the bar", "0..1"),
            "bar": Output(SIGNAL, "bars since the first whole one", "bars"),
            "beat_in_bar": Output(SIGNAL, "beats since the bar began", "beats"),
            "beats_in_bar": Output(SIGNAL, "beats in a bar", "beats"),
            "build": Output(SIGNAL, "how much it builds up to a drop", "0..1"),
            "drop": Output(SIGNAL, "how much a drop has just begun", "0..1"),
            "rest": Output(SIGNAL, "how much it rests", "0..1"),
            "sustain": Output(SIGNAL, "how much it goes on: what the other three leave of 1", "0..1"),
            "tempo": Output(SIGNAL, "tempo of the beats around", "beats per minute"),
            "section": Output(SIGNAL, "sections since the first one", "sections"),
            "section_count": Output(SIGNAL, "how many sections there are", "sections"),
            "section_phase": Output(SIGNAL, "position within the section", "0..1"),
            "section_is": Output(SIGNAL, "1 in the column of the section's letter, from A on", "0..1", names=LETTERS),
            "bars_left": Output(SIGNAL, "bars until the next section begins", "bars"),
            "sure": Output(SIGNAL, "how sure the beats around are", "0..1"),
            "loudness": Output(SIGNAL, "loudness of the 0.4 s around, BS.1770", "LUFS"),
            "loudness_short": Output(SIGNAL, "loudness of the 3 s around", "LUFS"),
            "loudness_whole": Output(SIGNAL, "loudness of the whole track, gated", "LUFS"),
            "peak": Output(SIGNAL, "largest sample around", "full scale"),
            "bass": Output(SIGNAL, "loudness of what is held below 200 Hz: a bass without the drums", "0..1"),
            "width": Output(SIGNAL, "how much left and right differ", "0..1"),
            "chroma": Output(SIGNAL, "how much of each pitch class sounds; the largest is 1", "0..1", names=TONES),
            "harmonic_change": Output(SIGNAL, "how much the harmony after differs from that before", "0..1"),
            "percussive": Output(SIGNAL, "what share of the loudness is struck and not held", "0..1"),
        }
    )
    felt_at = {"ears": "sure", "first_beat": "bar_phase", "metre": "bar_phase"}

    @field_validator("tempo_map")
    @classmethod
    def _rises(cls, marks: list[list[float]] | None) -> list[list[float]] | None:
        if marks is not None:
            if not marks or any(len(mark) != 2 or not 20 <= mark[1] <= 400 for mark in marks):
                raise ValueError("every mark needs a time and 20 to 400 beats per minute, like [[0, 120], [80, 128]]")
            if any(is_musical(time) for time, _ in marks):
                raise ValueError("the times of a tempo map are in seconds; beats have no length before it")
            check_rising([_mark(*mark)[0] for mark in marks], float)
        return marks

    def signal_columns(self, output: str, inputs: Mapping[str, int | None]) -> int:
        return self.outputs[output].columns

    def check_files(self, resolve: Callable[[str], Path]) -> list[tuple[tuple, str]]:
        if self.beats is None or self.beats.lower().endswith(".xml"):  # the music says which piece of a collection
            return []
        path = resolve(self.beats)
        return unreadable(lambda: read_grid(path, None, _bar_of(self.metre)) or read_sections(path), "beats")

    def compute(self, scene: Scene, audio: AudioHandle) -> dict[str, np.ndarray]:
        ears, made_of = self._ears(scene)
        recipe = {"audio": audio.digest, "ears": ears} | made_of
        heard = scene.context.keep("analysis", recipe, lambda: hear(audio, ears))
        grid, found = self._grid(scene, audio, heard, recipe)
        duration = audio.samples / audio.rate
        stated = read_sections(scene.path(str(self.beats))) if self.beats else []
        form = stated_form(stated, grid, duration) if stated else find_form(heard, grid, duration)
        struck = attacks_and_drums(scene, heard)
        counted = musical_time(scene, grid, found, struck)
        counted |= sections(counted["bar"], form) | tension(counted["bar"], grid, form, heard)
        beats = _told(grid, found, silent=not heard["rms"].any())
        told = f"{beats}{told_form(grid, form)}{_told_drops(scene.clock, counted)}"
        scene.context.say(f"{_name(audio)}: {told}")
        return levels(scene, heard) | struck | counted

    def _ears(self, scene: Scene) -> tuple[Kind, dict[str, str]]:
        """Return which ears hear the music, and the digest of what they are made of; plain ones need nothing."""
        if self.ears == "net":
            try:
                Ears.load(WEIGHTS)
                return "net", {"net": scene.context.file_digest(WEIGHTS)}
            except MediaError as error:
                scene.context.say(f"{error} Beats and drums are heard with the plain ears, which err more often.")
        return "plain", {}

    def _grid(
        self, scene: Scene, audio: AudioHandle, heard: Mapping[str, np.ndarray], recipe: dict[str, Any]
    ) -> tuple[Grid, Beats | None]:
        """Return where the beats are, as the user says (None), as they are heard, or 120 per minute."""
        if self.beats:
            path = scene.path(str(self.beats))
            if stated := read_grid(path, getattr(audio, "path", None), _bar_of(self.metre)):
                return stated, None
        if self.tempo_map:
            return Grid.mapped([_mark(*mark) for mark in self.tempo_map], _bar_of(self.metre)), None
        tempo = self.tempo or scene.tempo
        first = None if self.first_beat is None else self.first_beat.resolve(tempo or USUAL)
        bar = METRE_BEATS[self.metre] if self.metre else None
        if tempo and first is not None:
            return Grid.steady(tempo, first, bar or 4), None
        limits = (tempo / NEAR, tempo * NEAR) if tempo else None
        about = recipe | {"limits": list(limits or ()), "bar": bar, "first": first}
        kept = scene.context.keep(
            "beats", about, lambda: find_beats(heard, heard["begins"], limits, bar, first).as_arrays()
        )
        found = Beats.of_arrays(kept)
        if len(found.times) < 2:
            return Grid.steady(tempo or USUAL, first or 0.0, bar or 4), found
        return Grid.of(found), found


def _bar_of(metre: str | None) -> int:
    return METRE_BEATS[metre or "4/4"]


def _mark(time: Any, bpm: float) -> tuple[float, float]:
    return time.resolve(USUAL) if isinstance(time, Number) else float(time), bpm


def _name(audio: AudioHandle) -> str:
    path = getattr(audio, "path", None)
    return path.name if path else "the music"


def _told_drops(clock: Clock, counted: Mapping[str, np.ndarray]) -> str:
    """Return in words when drops come, where there are any."""
    marks = Landmarks.of(clock.times(0, clock.frames), counted)
    times = [minutes(drop) for drop in (marks.drops if marks else ())]
    return f"; drop{'s' * (len(times) > 1)} {_listed(times)}" if times else ""


def told_form(grid: Grid, form: Form) -> str:
    """Return in words which sections there are, where there are several."""
    begun = [0.0, *(grid.time(grid.first_beat(int(bar))) for bar in form.starts[1:])]  # an upbeat is of the first one
    named = [f"{letter} {minutes(time)}" for letter, time in zip(form.letters, begun)]
    return f"; sections {_listed(named)}" if len(named) > 1 else ""


def _listed(told: list[str]) -> str:
    return ", ".join([*told[:MOST_TOLD], *(["…"] if len(told) > MOST_TOLD else [])])


def _told(grid: Grid, found: Beats | None, silent: bool) -> str:
    """Return in words what the beats are."""
    if found is not None and not len(found.times):
        why = "it is silent" if silent else "no beat was heard"
        return f"{why}; {grid.tempo:g} beats per minute in {grid.bar}/4 are assumed"
    tempos = grid.tempo_at(grid.beats)
    low, high = float(np.percentile(tempos, 5)), float(np.percentile(tempos, 95))
    moves = high > 1.03 * low
    tempo = f"{low:.0f} to {high:.0f}" if moves else f"{grid.tempo:.1f}".removesuffix(".0")
    metre = "6/8" if found is not None and grid.bar == 2 and found.triple else f"{grid.bar}/4"
    sure = "as you say" if found is None else f"{100 * found.sure:.0f} % sure"
    return f"{tempo} beats per minute in {metre}, {sure}"
