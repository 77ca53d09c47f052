"""The sound of a film: at which rate, for which speakers and how loud its music is delivered."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from n2s.runtime.context import Music
from n2s.runtime.media.music.layouts import (
    LAYOUTS,
    PLACES,
    fitting_layout,
    known_layout,
    layouts_of,
    mix,
    mixing_matrix,
)

HIGHEST = 48000  # samples per second of a film, unless more are asked for
HEARD = 0.05  # dB: a lower gain is not spoken of
AAC_RATES = (7350, 8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
LOSSLESS_RATES = {"flac": 655350, "alac": math.inf, "pcm": math.inf}  # up to which a codec has all rates


@dataclass(frozen=True)
class Sound:
    """How pieces of music become the sound of a film.

    Attributes
    ----------
    rate, delivered : int
        Samples per second of the music and of the film.
    layout : str
        The film's layout, by FFmpeg's name: one of those that its codec has.
    gain : float
        By what every sample is multiplied: 1, or what brings the loudest sample of the pieces to full scale.
    codec : str
        As which it is coded, for people: "AAC".
    """

    rate: int
    delivered: int
    layout: str
    gain: float
    codec: str = "AAC"

    @property
    def channels(self) -> int:
        """How many channels the film's layout has."""
        return len(PLACES[self.layout].split("+"))

    def matrix(self, music: Music) -> np.ndarray:
        """Return the gains that mix a piece into the film's layout, float32 (channels of the film, of the piece)."""
        return mixing_matrix(speakers(music), PLACES[self.layout])

    def deliver(self, samples: np.ndarray, matrix: np.ndarray) -> np.ndarray:
        """Return samples (channels, n) of a piece as the film has them before resampling, float32 (its channels, n)."""
        mixed = mix(samples, matrix)
        return mixed if self.gain == 1 else mixed * np.float32(self.gain)

    def count(self, samples: int) -> int:
        """Return how many samples so many become at the film's rate; the last one is rounded up."""
        return -(-samples * self.delivered // self.rate)

    def summary(self) -> dict[str, Any]:
        """Return what a film's record says of its sound."""
        return {"rate": self.delivered, "layout": self.layout, "gain": self.gain}

    def recipe(self, pieces: Sequence[Music]) -> dict[str, Any]:
        """Return all of this that decides the bytes of the film's sound, as plain data."""
        matrices = [self.matrix(music).tolist() for music in pieces]
        return {
            "rate": self.rate,
            "delivered": self.delivered,
            "layout": self.layout,
            "gain": self.gain,
            "mix": matrices,
        }


def speakers(music: Music) -> str:
    """Return the layout of a piece: the one its file states, or the usual one for so many channels."""
    return known_layout(music.info.layout, music.channels)


def sound_of(
    pieces: Sequence[Music], audio_rate: int | str | None = None, codec: str = "aac", ending: str = ".mp4"
) -> Sound:
    """Return the sound of a film whose music is made of pieces of one sample rate.

    The layout is the smallest that has a place for every channel, of those that ``codec`` keeps in files of such an
    ``ending``; stereo, where the pieces have several. What is above full scale is turned down, all pieces by one gain,
    so that nothing clips and joins stay seamless.
    """
    layouts = {speakers(music) for music in pieces}
    layout = fitting_layout(layouts.pop(), layouts_of(codec, ending)) if len(layouts) == 1 else "stereo"
    peak = max(music.info.peak for music in pieces)
    gain = 1.0 if peak <= 1 else float(np.nextafter(np.float32(1 / peak), np.float32(0)))
    rate = pieces[0].rate
    return Sound(rate, delivered_rate(rate, audio_rate, codec), layout, gain, _in_words(codec, ending))


def _in_words(codec: str, ending: str) -> str:
    name = "Opus" if codec == "opus" else codec.upper()
    return f"{name} in {ending}" if layouts_of(codec, ending) != LAYOUTS[codec] else name


def delivered_rate(rate: int, audio_rate: int | str | None = None, codec: str = "aac") -> int:
    """Return the sample rate of a film's sound: always one that its codec has.

    ``audio_rate`` is a rate; or "source", the music's own; or None, the same but at most 48000. Where the codec does
    not have it, it is the next above it that AAC has, or 96000. Multiples of 11025 are halved to 44100, so that the
    ratio stays a simple one.
    """
    if isinstance(audio_rate, int):
        return audio_rate
    if rate <= LOSSLESS_RATES.get(codec, 0) and (audio_rate == "source" or rate <= HIGHEST):
        return rate
    highest = AAC_RATES[-1] if audio_rate == "source" else HIGHEST
    if rate <= highest:
        return next(known for known in AAC_RATES if known >= rate)
    return next(
        known for known in reversed(AAC_RATES) if known <= highest and (known % 11025 == 0) == (rate % 11025 == 0)
    )


def common_rate(pieces: Sequence[Music], audio_rate: int | str | None = None, codec: str = "aac") -> int:
    """Return the sample rate at which pieces of several rates are joined.

    It is theirs, if they have one; else what was asked for, or the highest of them, which is at most 48000 unless
    ``audio_rate`` is "source".
    """
    rates = {piece.rate for piece in pieces}
    if len(rates) == 1:
        return rates.pop()
    if isinstance(audio_rate, int):
        return audio_rate
    return delivered_rate(max(rates), audio_rate, codec)


def notes(sound: Sound, pieces: Sequence[Music], film: str) -> list[str]:
    """Return, in sentences for the user, how a film's sound differs from its music."""
    sentences = []
    for music in dict.fromkeys(pieces):
        if music.channels > 2 and speakers(music) != music.info.layout:
            sentences.append(
                f"{music.name} does not say which speakers its {music.channels} channels are for; "
                f"{speakers(music)} is taken."
            )
    layouts = list(dict.fromkeys(speakers(music) for music in pieces))
    places = PLACES[sound.layout]
    if len(layouts) > 1 and set(layouts) != {"FC", "FL+FR"}:
        sentences.append(
            f"The music of {film} has the channels {', '.join(layouts)}: its sound is stereo, all of them mixed in."
        )
    elif len(layouts) == 1 and sorted(layouts[0].split("+")) != sorted(places.split("+")):
        sentences.append(
            f"The music of {film} has the channels {layouts[0]}, for which {sound.codec} has no layout: its sound is "
            f"{sound.layout} ({places}), with each in its place or the nearest one."
        )
    if sound.delivered != sound.rate:
        reason = "Opus has no other" if sound.codec.startswith("Opus") else "audio_rate sets another"
        sentences.append(f"The music of {film} has {sound.rate} Hz, its sound gets {sound.delivered} Hz ({reason}).")
    if sound.gain != 1:
        loudest = max(pieces, key=lambda music: music.info.peak)
        decibels = 20 * math.log10(loudest.info.peak)
        if decibels >= HEARD:
            sentences.append(
                f"{loudest.name} peaks at {loudest.info.peak:.3g} of full scale (+{decibels:.1f} dBFS): the sound of "
                f"{film} is turned down by {decibels:.1f} dB, so that nothing clips."
            )
    return sentences
