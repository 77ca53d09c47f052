"""Everything that is heard in a piece before anybody says what its beats are: rows, and what ears make of them."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from n2s.hearing.harmony import struck_and_held
from n2s.hearing.loudness import integrated
from n2s.hearing.net import Ears
from n2s.hearing.plain import PlainEars
from n2s.hearing.rows import LEVELS, STRUCK, analyse
from n2s.hearing.spectrum import mel_centres

Kind = Literal["net", "plain"]


def hear(audio: Any, ears: Kind = "net") -> dict[str, np.ndarray]:
    """Return what `n2s.hearing.rows.analyse` hears but for its steps, and by steps, float32 (K,):

    ``begins``: how much begins, whatever it is; the likelihood of a ``beat``, ``downbeat``, ``kick``, ``snare`` and
    ``hat``, 0 .. 1; the ``percussive`` share; the loudness of the ``bass``, which is held; ``tones`` and
    ``chroma`` (K, 12); ``levels`` (K, 24). ``integrated`` is the loudness of the piece, LUFS.

    Parameters
    ----------
    audio : object
        As `n2s.hearing.rows.analyse` reads it.
    ears : "net" or "plain"
        What tells the likelihoods: the trained net of `n2s.hearing.net`, or the formulas of `n2s.hearing.plain`.

    Raises
    ------
    MediaError
        When the net is wanted and its weights cannot be read.
    """
    listener = Ears.load() if ears == "net" else PlainEars()
    heard = analyse(audio)
    likelihoods = listener.listen(heard)
    heard["begins"] = np.einsum("kb->k", heard.pop("rises"))
    low = int(np.searchsorted(mel_centres(int(audio.rate), LEVELS), STRUCK[0]))
    heard["percussive"], heard["bass"] = struck_and_held(heard["levels"], low)
    heard["levels"] = heard["levels"].astype(np.float16)  # the form needs no more
    loud = integrated(heard["weighted"], int(audio.channels), int(heard["hop"]), int(audio.rate))
    return heard | likelihoods | {"integrated": np.array(loud), "channels": np.array(int(audio.channels))}
