"""Where a run's films go, and what may not lie there."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from n2s.runtime.films.films import Film
from n2s.runtime.films.kept_frames import frames_folder
from n2s.runtime.films.targets import Targets


def check_destinations(
    targets: Targets, films: Sequence[Film], new: Collection[Film], sources: Collection[Path], keep_frames: bool
) -> None:
    """Refuse planned films that cannot be written where they should go, or would replace files of others.

    Parameters
    ----------
    new : collection of Film
        Those of the films that are not in their place yet.
    sources : collection of Path
        The files that the run reads.
    keep_frames : bool
        Whether the films' frames are kept beside them.
    """
    keeping = [film.path for film in films if keep_frames and film.format.gives_frames]
    targets.check_frames_folders([film.path for film in films], keeping, sources)
    targets.check({film.path: film.format.is_folder for film in new}, sources, map(frames_folder, keeping))
