"""Sections of composed songs, heard by n2s alone: bars, boundaries and letters."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import mir_eval
import numpy as np
import pytest
import songs
from sounds import Sound

from n2s.hearing.beats import find_beats
from n2s.hearing.form import Form, bar_edges, find_form
from n2s.hearing.grid import Grid
from n2s.hearing.song import hear
from n2s.hearing.tension import NAMES, find_tension
from n2s.nodes.features import told_form


@cache
def formed(piece: songs.Piece) -> tuple[songs.Song, Form, np.ndarray]:
    """Return a song, its form as it was heard, and the times of its sections."""
    song = songs.compose(piece)
    heard = hear(Sound(song.samples))
    grid = Grid.of(find_beats(heard, heard["begins"]))
    duration = song.samples.shape[1] / songs.RATE
    form = find_form(heard, grid, duration)
    return song, form, bar_edges(grid, duration)[form.starts]


def test_boundaries() -> None:
    measures = {}
    for piece in songs.FORMS:
        song, _, found = formed(piece)
        true = np.array([time for time, _ in song.sections])
        hits = len(mir_eval.util.match_events(true, found, 0.5))
        measures[piece.name] = 2 * hits / (len(true) + len(found))
    assert np.mean(list(measures.values())) >= 0.9, measures


@pytest.mark.parametrize(("name", "bars"), [("rock, ABAC", 40), ("disco, ABCA", 40), ("rock, ABACAB", 84)])
def test_sections_of_unusual_lengths_begin_where_they_do(name: str, bars: int) -> None:
    """Ten or fourteen bars, where eight, twelve or sixteen are likelier."""
    song, _, found = formed(replace(next(piece for piece in songs.FORMS if piece.name == name), bars=bars))
    true = np.array([time for time, _ in song.sections])
    assert len(mir_eval.util.match_events(true, found, 0.5)) >= len(true) - 1, (true, found)


def test_letters() -> None:
    letters = {piece.name: ("".join(formed(piece)[1].letters), piece.form) for piece in songs.FORMS}
    assert np.mean([found == true for found, true in letters.values()]) >= 0.8, letters


@pytest.mark.parametrize("seconds", [0.01, 0.5, 3, 20])
def test_silence_is_one_section(seconds: float) -> None:
    heard = hear(Sound(np.zeros((2, round(seconds * 44100)))))
    form = find_form(heard, Grid.steady(120, 0, 4), seconds)
    assert form.letters == ("A",) and form.starts.tolist() == [0]


def test_tension_of_bars() -> None:
    """Eight quiet bars, eight that rise, sixteen loud ones with bass drums, eight quiet ones, eight loud ones."""
    loudness = np.r_[
        np.full(8, -30.0), np.linspace(-24, -16, 8), np.full(16, -10.0), np.full(8, -28.0), np.full(8, -10.0)
    ]
    kicks = np.r_[np.zeros(16), np.full(16, 4), np.zeros(8), np.full(8, 4)]
    tension = find_tension(loudness, kicks, np.array([0, 8, 16, 32, 40]))
    assert tension.drops == ((16, 8), (40, 2))
    bars = np.arange(0, 48, 0.25)
    weights = dict(zip(NAMES, tension.weights(bars).T))
    np.testing.assert_allclose(sum(weights.values()), 1)
    assert all((weight >= 0).all() for weight in weights.values())
    for name, where in (("rest", 4), ("build", 15.75), ("drop", 16), ("sustain", 28), ("rest", 35), ("drop", 40.25)):
        assert max(weights, key=lambda each: weights[each][bars == where][0]) == name, where
    even = find_tension(np.full(20, -12.0), np.full(20, 4), np.array([0, 8, 16]))
    np.testing.assert_allclose(even.weights(np.arange(20.0))[:, 3], 1)


def test_a_quiet_intro_rests_and_drops() -> None:
    song = songs.compose(next(piece for piece in songs.PIECES if piece.intro == 6))
    heard = hear(Sound(song.samples))
    grid = Grid(song.beats, np.arange(0, len(song.beats), 4), 4)
    form = find_form(heard, grid, song.samples.shape[1] / songs.RATE)
    assert 6 in form.starts


def test_an_upbeat_is_told_as_of_the_first_section() -> None:
    """It begins with the film, as `at A` does, and not with the first whole bar."""
    grid = Grid.steady(120, 1.5, 4)
    form = Form(np.array([0, 4]), ("A", "B"), 8)
    assert told_form(grid, form) == "; sections A 0:00.0, B 0:09.5"
