"""The films of an album: those of its tracks, and the one that joins them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from n2s.graph.codings import sound_codec, sound_rate
from n2s.graph.declare import Node
from n2s.graph.graph import Graph
from n2s.graph.time import album_boundaries, exact_lengths
from n2s.graph.tracks import coded_track
from n2s.plan.keys import Chunk
from n2s.plan.stages import Plan
from n2s.runtime.films.cards import card_graph
from n2s.runtime.films.crossings import crossed, crossing_graph
from n2s.runtime.films.films import Chapter, Film, Passage, cover_of, delivered_sound, read_levels
from n2s.runtime.films.productions import OfAlbum, Planner
from n2s.runtime.films.profiled import WHOLE, profile_of, reshapes
from n2s.runtime.films.seams import Seam, check_crossfades, seam_before
from n2s.runtime.films.targets import version
from n2s.runtime.media.convert import at_rate
from n2s.runtime.media.levels import CEILING as HIGHEST_PEAK
from n2s.runtime.media.sound import common_rate

TRACK, GAP, CROSSFADE = "track", "gap", "crossfade"  # what a stretch of an album shows


@dataclass(frozen=True)
class AlbumTrack:
    """A track as an album shows it: its film, its title, how it follows the one before."""

    plan: Plan
    title: str
    seam: Seam


@dataclass(frozen=True)
class Shown:
    """A stretch of an album's film: the music that is heard, and what is seen.

    ``what`` is `TRACK`, `GAP` or `CROSSFADE`; the last two stand before the track of that number.
    """

    passage: Passage
    track: int
    what: str

    @property
    def length(self) -> int:
        return self.passage.stop - self.passage.start


def album_films(planner: Planner, graph: Graph, sink: str) -> list[Film]:
    """Return the films of an album's tracks, and its own; under some profiles, and with ``only``, theirs alone."""
    album = graph.nodes[sink]
    chosen = [link for link in album.tracks if not planner.only or link.node in planner.only]
    seams = [seam_before(graph, album, number) for number in range(len(album.tracks))]
    # Where one gain is for all tracks, all decide it, however few films are wanted.
    alike = album.loudness is not None and (album.normalise == "album" or any(seam.crossfade for seam in seams))
    links = album.tracks if alike else chosen
    seams = [seam for seam, link in zip(seams, album.tracks) if link in links]
    coded = [coded_track(graph, sink, link.node) for link in links]
    tracks = [(planner.produce(track.flat), name) for track, name in coded]
    own = [production.music(name) for production, name in tracks]
    rate = common_rate(own, sound_rate(album), sound_codec(album))
    pieces = [at_rate(piece, rate, planner.context.store, planner.context.audio) for piece in own]
    if any(piece.rate != rate for piece in own) and not planner.only:
        other = ", ".join(f"{piece.name} ({piece.rate} Hz)" for piece in own if piece.rate != rate)
        planner.context.say(f"The music of {album.path} has {rate} Hz: {other} is converted for it.")
    counts = [production.samples(piece) for (production, _), piece in zip(tracks, own)]
    lengths = exact_lengths([(count, piece.rate) for count, piece in zip(counts, own)], rate)
    if len(links) == len(album.tracks):
        check_crossfades(graph, album, lengths, rate)
    music = [Passage(piece, 0, length) for piece, length in zip(pieces, lengths)]
    alone = music
    if album.loudness is not None:
        music, alone = _turned(planner, album, music, seams, rate)
    films, shaped = [], reshapes(profile_of(album))
    if shaped:
        planner.context.say(f"The profile {album.profile} is for tracks: each gets a film, the album none.")
    for link, (track, name), passage in zip(links, coded, alone):
        if link in chosen:
            tags = {"album": graph.header.title, "track": f"{album.tracks.index(link) + 1}/{len(album.tracks)}"}
            of_album = OfAlbum(version(graph), passage.gain, cover_of(graph, album), tags)
            films.append(planner.film(track, name, WHOLE, of_album))
    if planner.only or shaped:
        return films
    titles = [graph.nodes[link.node].title or production.name for link, (production, _) in zip(links, tracks)]
    plans = [planner.plan(production, name) for production, name in tracks]
    return [*films, _joined(planner, graph, album, list(map(AlbumTrack, plans, titles, seams)), music, rate)]


def _shown(planner: Planner, music: Sequence[Passage], seams: Sequence[Seam], rate: int) -> list[Shown]:
    """Return what an album shows, one stretch after the other, from the whole music of its tracks."""
    shown: list[Shown] = []
    lengths = [round(seam.crossfade * rate) for seam in seams] + [0]
    for number, (passage, seam) in enumerate(zip(music, seams)):
        begins, ends = lengths[number], passage.stop - lengths[number + 1]
        if gap := round(seam.gap * rate):
            shown.append(Shown(Passage(passage.music, 0, gap, gain=0.0), number, GAP))
        if begins:
            before = music[number - 1]
            sides = replace(before, start=before.stop - begins), replace(passage, stop=begins)
            mixed = crossed(*sides, planner.context.store, planner.context.audio)
            shown.append(Shown(Passage(mixed, 0, begins), number, CROSSFADE))
        if begins < ends:
            shown.append(Shown(replace(passage, start=begins, stop=ends), number, TRACK))
    return shown


def _turned(
    planner: Planner, album: Node, music: list[Passage], seams: Sequence[Seam], rate: int
) -> tuple[list[Passage], list[Passage]]:
    """Return the music of tracks as loud as the album asks for, by one gain for all or one for each.

    First as its film has them, and then as their own films do, whose speakers may be others: mono is louder in stereo.
    """
    if album.normalise == "album":
        heard = [shown.passage for shown in _shown(planner, music, seams, rate) if shown.what != GAP]
        gain = planner.turned(album, heard)[0].gain
        turned = [replace(passage, gain=gain) for passage in music]
        return turned, turned
    store, sound = planner.context.store, delivered_sound(album, music)

    def alone_of(one: Passage) -> Passage:
        is_same = delivered_sound(album, [one]) == sound
        return one if is_same else planner.turned(album, [one], film=f"{one.music.name} alone")[0]

    turned = [planner.turned(album, [passage], sound)[0] for passage in music]
    alone = [alone_of(one) for one in turned]
    # Two tracks at once may be louder than each of them.
    mixed = [shown.passage for shown in _shown(planner, turned, seams, rate) if shown.what == CROSSFADE]
    peak = max((read_levels([one], sound, store).peak for one in mixed), default=-math.inf)
    if peak <= HIGHEST_PEAK:
        return turned, alone
    text = f"The tracks of {album.path} are {peak - HIGHEST_PEAK:.1f} dB less loud than asked for"
    planner.context.say(f"{text}: while one dissolves into another, their true peak is -1 dBTP then.")
    down = 10 ** ((HIGHEST_PEAK - peak) / 20)
    return _less(turned, down), _less(alone, down)


def _less(music: Sequence[Passage], down: float) -> list[Passage]:
    return [replace(passage, gain=round(passage.gain * down, 6)) for passage in music]


def _joined(
    planner: Planner, graph: Graph, album: Node, tracks: list[AlbumTrack], music: list[Passage], rate: int
) -> Film:
    """Return the film that joins tracks with what lies between them."""
    shown = _shown(planner, music, [track.seam for track in tracks], rate)
    bounds = album_boundaries([stretch.length for stretch in shown], rate, graph.header.fps)
    begun: dict[int, int] = {}  # the film frame that is each track's first
    for stretch, start in zip(shown, bounds):
        if stretch.what != GAP:
            begun.setdefault(stretch.track, start)
    parts: list[tuple[Plan, Chunk]] = []
    between: list[tuple[int, int]] = []
    for stretch, start, stop in zip(shown, bounds, bounds[1:]):
        if start == stop:  # it may be shorter than a frame
            continue
        track, count = tracks[stretch.track], stop - start
        if stretch.what == GAP:
            title, length = track.title if album.cards else "", Fraction(stretch.length, rate)
            made, first = card_graph(graph, track.plan.node, title, length), 0
            between.append((start, stop))
        elif stretch.what == CROSSFADE:
            before = tracks[stretch.track - 1].plan, start - begun[stretch.track - 1]
            made, first = crossing_graph(graph, before, (track.plan, 0), count), 0
        else:
            made, first = None, start - begun[stretch.track]
        plan = planner.plan(planner.produce(made.flat), "out") if made else track.plan
        parts += [(plan, chunk) for chunk in plan.chunks(first, first + count)]
    chapters = _chapters(tracks, shown, album.cards)
    film = planner.put_together(
        graph.header,
        album,
        version(graph),
        parts,
        [stretch.passage for stretch in shown],
        chapters,
        cover_of(graph, album),
    )
    film.between = between
    return film


def _chapters(tracks: list[AlbumTrack], shown: list[Shown], cards: bool) -> list[Chapter]:
    """Return a chapter for each track: from its card, where there is one, or its first sound, to the next one's."""
    starts: dict[int, int] = {}
    ends: dict[int, int] = {}
    at = 0
    for stretch in shown:
        if stretch.what != GAP or cards:
            starts.setdefault(stretch.track, at)
        at += stretch.length
        if stretch.what != GAP:
            ends[stretch.track] = at
    ends |= {
        number: starts[number + 1] for number in ends if number + 1 in starts and starts[number + 1] < ends[number]
    }
    return [Chapter(track.title, starts[number], ends[number]) for number, track in enumerate(tracks)]
