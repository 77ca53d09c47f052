"""Beats that the user knows better: labels of Audacity, the tempo map of a MIDI file, a collection of Rekordbox.

Audacity writes a line per label: start, end and text, in seconds, with tabs between. ``12.1`` is the first beat of bar
12, ``12.2`` the second, and so on; ``bar 12``, ``12`` or ``bar`` is where a bar begins, whose beats lie at even
distances. The first of them is beat 0; above it ``-2`` and ``-1`` are beats before that. ``A`` to ``H`` are sections,
which last until the next one begins. What has another text is a note of the user's.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import numpy as np

from n2s.graph.errors import MediaError
from n2s.graph.textlines import lines_of
from n2s.hearing.grid import Grid
from n2s.hearing.midifile import open_midi, read_events

BEAT = re.compile(r"(\d{1,6})\.(\d{1,2})\Z")
EARLIER = re.compile(r"-\d{1,6}\Z")
SECTION = re.compile(r"[A-H]\Z")
BAR = re.compile(r"(?:bar)?\s*(\d{1,6})?\Z", re.IGNORECASE)
SLOWEST, FASTEST = 10.0, 1000.0  # beats per minute
EARLIEST, LONGEST = -60.0, 100 * 3600.0  # s: a first beat is heard a hair before the music, its bar may begin before it
TOUCH = 0.05  # s, by which a section may reach into the next one
ENDINGS = (".txt", ".mid", ".midi", ".xml")


def read_grid(path: Path, music: Path | None, beats_in_bar: int) -> Grid | None:
    """Return the beats that a file tells of; None where its labels tell of sections alone.

    Parameters
    ----------
    path : Path
    music : Path, optional
        The piece, to find it in a collection of several.
    beats_in_bar : int
        Of bars whose beats the file does not tell.

    Raises
    ------
    MediaError
        When the file cannot be read, tells of no beats, or of beats that run backwards.
    """
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise MediaError(f"{path} tells no beats that can be read; {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]} can.")
    try:
        if ending == ".txt":
            return _labels(path, path.read_text(encoding="utf-8-sig"), beats_in_bar)
        if ending == ".xml":
            return _rekordbox(path, path.read_text(encoding="utf-8-sig"), music)
        return _midi(path)
    except OSError as error:
        raise MediaError(f"{path} cannot be read: {error.strerror or error}.") from None
    except UnicodeDecodeError:
        raise MediaError(f"{path} is no text in UTF-8; save it as such.") from None


def read_labels(path: Path, text: str) -> Iterator[tuple[int, float, float, str]]:
    """Yield the number of its line, start, end and text of each label of a file of Audacity's."""
    for number, line in enumerate(lines_of(text), 1):
        if not line.strip() or line.startswith("\\"):  # a second line of a label has its frequencies
            continue
        parts = line.split("\t")
        try:
            start, end = float(parts[0].replace(",", ".")), float(parts[1].replace(",", "."))
        except (ValueError, IndexError):
            raise MediaError(f"{path}:{number}: {_short(line)} is no label; start, end and text were wanted, with tabs "
                             "between, in seconds.") from None  # fmt: skip
        said = parts[2].strip() if len(parts) > 2 else ""
        first = 0.0 if SECTION.match(said) else EARLIEST
        if not (first <= start <= end <= LONGEST):
            raise MediaError(
                f"{path}:{number}: a label from {start:g} s to {end:g} s; times rise, from {first:g} to {LONGEST:g}."
            )
        yield number, start, end, said


def read_sections(path: Path) -> list[tuple[float, str]]:
    """Return when the sections begin that the labels of a file tell of, in seconds, and their letters; [] for none.

    Raises
    ------
    MediaError
        When one begins before the one above it, or within it.
    """
    if path.suffix.lower() != ".txt":
        return []
    found: list[tuple[float, str]] = []
    before = 0.0
    for number, start, end, said in read_labels(path, path.read_text(encoding="utf-8-sig")):
        if not SECTION.match(said):
            continue
        if found and (start <= found[-1][0] or start < before - TOUCH):
            raise MediaError(
                f"{path}:{number}: section {said} at {start:g} s begins within section {found[-1][1]} or before it."
            )
        found.append((start, said))
        before = end
    return found


def _labels(path: Path, text: str, beats_in_bar: int) -> Grid | None:
    beats: list[tuple[float, bool]] = []
    bars: list[float] = []
    early: list[float] = []
    before, sections = -math.inf, False
    for number, start, _, said in read_labels(path, text):
        beat, bar = BEAT.match(said), BAR.match(said) if said else None
        is_early = EARLIER.match(said) and not beats and not bars
        if not beat and not bar and not is_early:
            sections = sections or bool(SECTION.match(said))
            continue
        if start <= before:
            raise MediaError(f"{path}:{number}: {_short(said)} at {start:g} s lies at or before the beat above it.")
        before = start
        if beat:
            beats.append((start, int(beat[2]) == 1))
        elif bar:
            bars.append(start)
        else:
            early.append(start)
    if sections and not beats and not bars:
        return None
    if beats and bars:
        raise MediaError(
            f'{path} has labels of beats, like "{1}.1", and of whole bars, like "1"; leave one of them out.'
        )
    if bars:
        beats = _between(bars, beats_in_bar)
    first = [i for i, (_, begins) in enumerate(beats) if begins]
    times = [*early, *(time for time, _ in beats)]
    return _grid(path, times, first, _knots(times, len(early)) if early and beats else None)


def _between(bars: list[float], beats: int) -> list[tuple[float, bool]]:
    """Return beats at even distances between the beginnings of bars; the last bar is as long as the one before."""
    edges = [*bars, 2 * bars[-1] - bars[-2]] if len(bars) > 1 else bars
    found = [(a + (b - a) * i / beats, i == 0) for a, b in zip(edges, edges[1:]) for i in range(beats)]
    return found or [(bars[0], True)]


def _midi(path: Path) -> Grid:
    quarter = open_midi(path).ticks_per_beat
    changes: list[tuple[int, float, float]] = [(0, 0.0, 500_000.0)]  # ticks, seconds, microseconds per quarter note
    metres: list[tuple[int, int, float]] = [(0, 4, 4.0)]
    end = 0
    for event in read_events(path):
        end = event.ticks
        if event.kind == "tempo":
            changes.append((event.ticks, event.seconds, event.value))
        elif event.kind == "metre":
            metres.append((event.ticks, event.number, event.value))
    if not end:
        raise MediaError(f"{path} is empty: it has no notes and no tempo map.")
    end += 4 * quarter
    last, at, tempo = changes[-1]
    places = np.array([tick for tick, _, _ in changes] + [end], float)
    seconds = np.array([second for _, second, _ in changes] + [at + (end - last) / quarter * tempo * 1e-6])
    beats: list[float] = []  # in ticks
    first: list[int] = []
    step = float(quarter)
    for (begin, count, lower), stop in zip(metres, [*(tick for tick, _, _ in metres[1:]), end]):
        step = quarter * 4 / lower
        if lower == 8 and count % 3 == 0:  # three eighths are a beat
            step, count = 3 * step, count // 3
        for i in range(math.ceil(max(stop - begin, 0) / step - 1e-9)):
            if i % count == 0:
                first.append(len(beats))
            beats.append(begin + i * step)
    numbers = np.append(np.arange(len(beats)), len(beats) - 1 + (end - beats[-1]) / step)
    knots = _midi_knots(np.array([*beats, end]), numbers, places, seconds)
    return _grid(path, np.interp(beats, places, seconds).tolist(), first, knots)


def _midi_knots(
    beats: np.ndarray, numbers: np.ndarray, places: np.ndarray, seconds: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the knots of beats at some ticks, whose tempo changes at ``places``, also between beats."""
    ticks = np.unique(np.concatenate([beats, places]))
    counted, times = np.interp(ticks, beats, numbers), np.interp(ticks, places, seconds)
    before = (times[1] - times[0]) / (counted[1] - counted[0])
    return np.append(counted[0] - 1, counted), np.append(times[0] - before, times)


def _rekordbox(path: Path, text: str, music: Path | None) -> Grid:
    if "<!" in re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL):
        raise MediaError(f"{path} defines entities of its own, which are not read.")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise MediaError(f"{path}:{error.position[0]}: this is no XML that can be read ({error.msg}).") from None
    tracks = [track for track in root.iter("TRACK") if track.find("TEMPO") is not None]
    if len(tracks) > 1 and music is not None:
        wanted = _alike(music.name)
        found = [track for track in tracks if _alike(unquote(track.get("Location", "").rpartition("/")[2])) == wanted]
        if len(found) != 1:
            raise MediaError(
                f"{path} has {len(found)} of {len(tracks)} pieces with a tempo whose file is called {music.name}; one "
                "was wanted. Export a list that holds this piece alone, or name the file as there."
            )
        tracks = found
    if len(tracks) != 1:
        raise MediaError(f"{path} has {len(tracks)} pieces with a tempo that may be meant; one was wanted.")
    marks = [_rekordbox_mark(path, tempo.attrib) for tempo in tracks[0].iter("TEMPO")]
    beats: list[float] = []
    first: list[int] = []
    for (start, bpm, bar, place), following in zip(marks, [*marks[1:], None]):
        if not (SLOWEST <= bpm <= FASTEST and 1 <= bar <= 32 and 1 <= place <= bar):
            raise MediaError(
                f"{path}: a tempo of {bpm:g} in bars of {bar} from beat {place} on is none that can be used."
            )
        count = max(1, round((following[0] - start) * bpm / 60)) if following else 64
        for i in range(count):
            if (place - 1 + i) % bar == 0:
                first.append(len(beats))
            beats.append(start + (i * (following[0] - start) / count if following else i * 60 / bpm))
    return _grid(path, beats, first, _knots([beats[0] - 60 / marks[0][1], *beats], 1))


def _alike(name: str) -> str:
    """Return a file's name as systems compare it that know no case, and write accents in one sign or in two."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _rekordbox_mark(path: Path, said: Mapping[str, str]) -> tuple[float, float, int, int]:
    """Return from when on a tempo holds, beats per minute, beats in a bar, and which of them it begins with."""
    try:
        bar = int(said.get("Metro", "4/4").partition("/")[0])
        return float(said["Inizio"]), float(said["Bpm"]), bar, int(said.get("Battito", "1"))
    except (KeyError, ValueError):
        raise MediaError(f"{path} has a TEMPO without Inizio and Bpm in numbers: {dict(said)}.") from None


def _knots(beats: list[float], early: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the knots of exact beats, of which so many lie before beat 0."""
    return np.arange(len(beats), dtype=np.float64) - early, np.array(beats)


def _grid(path: Path, beats: list[float], first: list[int], knots: tuple[np.ndarray, np.ndarray] | None) -> Grid:
    """Return the grid of some beats; ``knots`` tell their numbers and tempos, where these are exact."""
    if len(beats) < 2:
        raise MediaError(f"{path} tells of {len(beats)} beats; two at least were wanted.")
    apart = np.diff(beats)
    for bad in np.flatnonzero((apart < 60 / FASTEST) | (apart > 60 / SLOWEST))[:1]:
        raise MediaError(
            f"{path}: the beats at {beats[bad]:.3f} s and {beats[bad + 1]:.3f} s are {apart[bad]:.3f} s apart; "
            f"{60 / FASTEST:g} to {60 / SLOWEST:g} s were wanted."
        )
    first = first or [0]
    bars = np.diff(first)
    return Grid(np.array(beats), np.array(first), int(np.bincount(bars).argmax()) if len(bars) else 4, knots)


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:37]}…")
