"""The runtime's answer to what nodes ask: music, models, pictures, kept results."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from n2s.graph.errors import MediaError
from n2s.runtime.audio import AudioInfo, AudioReader, probe
from n2s.runtime.machine import ffmpeg_path
from n2s.runtime.models import ModelFolder, shipped_folder
from n2s.runtime.store import Store

SLOWEST = 1000  # samples a second; below, nothing can be heard or encoded


class Music:
    """A piece of music in a file, known by its samples."""

    def __init__(self, path: Path, info: AudioInfo):
        self.path, self.info = path, info
        self.digest, self.rate, self.channels, self.samples = info.digest, info.rate, info.channels, info.samples
        self._reader: AudioReader | None = None

    def read(self, start: int, n: int) -> np.ndarray:
        """Return samples start..start+n as float32 (channels, n), zeros outside the piece."""
        if self._reader is None:
            self._reader = self.reader()
        return self._reader.read(start, n)

    def reader(self) -> AudioReader:
        """Return a reader of one's own, for another thread."""
        return AudioReader(self.path, self.info, ffmpeg_path)

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None


class RunContext:
    """What one run shares: the store, the opened music and models, the sentences for the user."""

    def __init__(self, store: Store, say: Callable[[str], None]):
        self.store = store
        self._say = say
        self._said: set[str] = set()
        self._music: dict[Path, Music] = {}
        self._models: dict[Path, ModelFolder] = {}
        self._pictures: dict[Path, np.ndarray] = {}

    def audio(self, path: Path) -> Music:
        if "\0" in str(path):
            raise MediaError(f"{str(path)!r} is no name of a file.")
        if path not in self._music:
            try:
                found = self.store.about_file("audio", path, lambda: vars(probe(path, ffmpeg_path)).copy())
            except UnicodeError:
                raise MediaError(f"{path!r} has a name that is not UTF-8; rename the file.") from None
            except OSError:
                found = vars(probe(path, ffmpeg_path))  # says in its own words that the file is missing
            if found["rate"] < SLOWEST:
                raise MediaError(f"{path} has {found['rate']} samples a second; at least {SLOWEST} were wanted. Convert it.")
            self._music[path] = Music(path, AudioInfo(**found))
        return self._music[path]

    def model(self, path: Path | None) -> ModelFolder:
        folder = path or shipped_folder()
        if folder not in self._models:
            self._models[folder] = ModelFolder(folder, self.store, self.say)
        return self._models[folder]

    def image(self, path: Path) -> np.ndarray:
        from n2s.runtime.pictures import read_picture

        if path not in self._pictures:
            self._pictures[path] = read_picture(path)
            self._pictures[path].flags.writeable = False  # every node that shows it shares it
        return self._pictures[path]

    def files(self) -> set[Path]:
        """Return every file that was opened for a node."""
        models = {path for model in self._models.values() for path in model.folder.iterdir()}
        return {path.resolve() for path in {*self._music, *self._pictures, *models}}

    def file_digest(self, path: Path) -> str:
        try:
            return self.store.about_file("digests", path, lambda: hashlib.sha256(path.read_bytes()).hexdigest())
        except OSError as error:
            raise MediaError(f"{path} cannot be read: {error.strerror}.") from None

    def keep(
        self, name: str, recipe: Mapping[str, Any], make: Callable[[], dict[str, np.ndarray]]
    ) -> dict[str, np.ndarray]:
        return self.store.keep_arrays(name, recipe, make)

    def say(self, text: str) -> None:
        """Tell the user something, once a run."""
        if text not in self._said:
            self._said.add(text)
            self._say(text)

    def model_digests(self) -> dict[str, dict[str, str | None]]:
        """Return the SHA-256 of every file of each model that was asked for, as its card has it."""
        return {
            str(model.folder): {name: about.get("sha256") for name, about in model.card["files"].items()}
            for model in self._models.values()
        }

    def fall_back_to_cpu(self) -> None:
        """Decode on the CPU from here on."""
        for model in self._models.values():
            model.force_cpu = True

    def close(self) -> None:
        for music in self._music.values():
            music.close()
