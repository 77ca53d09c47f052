"""What the runtime gives to nodes: music, models, pictures, stored results."""

from __future__ import annotations

import contextlib
import functools
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np

from n2s.graph.code.identity import code_digest
from n2s.graph.code.text import facts_subject, known_facts, remember_facts
from n2s.graph.context import ModelFiles
from n2s.graph.errors import MediaError, RenderError
from n2s.graph.placing import Placing
from n2s.runtime.budget import MemoryBudget
from n2s.runtime.inputs import InputFiles
from n2s.runtime.machine import ffmpeg_path, ffmpeg_version
from n2s.runtime.media import audio
from n2s.runtime.media.audio import AudioInfo, AudioReader, probe
from n2s.runtime.media.pictures import read_layers
from n2s.runtime.media.resample import place_picture
from n2s.runtime.media.video.frames import Video
from n2s.runtime.media.video.listing import VideoInfo, list_frames
from n2s.runtime.models.anchor_sources import from_picture
from n2s.runtime.models.cards import shipped_folder
from n2s.runtime.models.decoder import MOST_AT_ONCE
from n2s.runtime.models.folder import ModelFolder
from n2s.runtime.render.helpers import Helpers
from n2s.runtime.store import Store

LARGE = 16 << 20  # bytes of a video whose listing takes a while
SLOWEST = 1000  # samples per second; below, nothing can be heard or encoded


class Music:
    """A piece of music in a file, known by its samples.

    ``check`` raises when the file has changed since its digest was taken; ``name`` is what messages call it.
    """

    def __init__(self, path: Path, info: AudioInfo, check: Callable[[], None] = lambda: None):
        self.check = check
        self.path, self.info, self.name = path, info, path.name
        self.digest, self.rate, self.channels, self.samples = info.digest, info.rate, info.channels, info.samples
        self._reader: AudioReader | None = None

    def read(self, start: int, n: int) -> np.ndarray:
        """Return samples start..start+n as float32 (channels, n), zeros outside the piece."""
        if self._reader is None:
            self._reader = self.reader()
        samples = self._reader.read(start, n)
        self.check()
        return samples

    def reader(self) -> AudioReader:
        """Return a reader of one's own, for another thread."""
        return AudioReader(self.path, self.info, ffmpeg_path)

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None


def _module_of(function: Callable) -> str:
    """Return the module in which a callable's code stands."""
    while isinstance(function, functools.partial):
        function = function.func
    return getattr(function, "__module__", None) or type(function).__module__


class RunContext:
    """What one run shares: the store, the opened music and models, the sentences for the user."""

    def __init__(self, store: Store, say: Callable[[str], None], fresh: bool = False):
        self.store = store
        self.inputs = InputFiles(store, fresh)
        remember_facts(store.noted("code", facts_subject()) or {})
        self._facts_known = len(known_facts())
        self._say = say
        self._said: set[str] = set()
        self._music: dict[tuple[Path, bool], Music] = {}
        self._videos: dict[tuple[Path, bool], Video] = {}
        self._models: dict[Path, ModelFolder] = {}
        self.memory = MemoryBudget()
        self.helpers: Helpers | None = None  # threads that an executor lends to those who render
        self.cuda_frames = MOST_AT_ONCE  # that CUDA decodes at once at most; 0: the CPU decodes
        self._folder: tempfile.TemporaryDirectory | None = None
        self._decoders: dict[tuple, Any] = {}
        # The digest of the file, its colours and its transparency.
        self._pictures: dict[Path, tuple[str, np.ndarray, np.ndarray]] = {}

    def renewed(self) -> RunContext:
        """Return a context that knows of no file yet, and has the decoders that are open."""
        made = RunContext(self.store, self._say)
        made._decoders = self._decoders
        return made

    def audio(self, path: Path, keep: bool = False) -> Music:
        if "\0" in str(path):
            raise MediaError(f"{str(path)!r} cannot be the name of a file.")
        kind = "audio-kept" if keep else "audio"
        find = lambda: vars(probe(path, ffmpeg_path, keep)).copy()  # noqa: E731
        try:
            info = AudioInfo(**self.inputs.about(kind, path, find, keep=True, code=code_digest(audio.__name__)))
        except UnicodeError:
            raise MediaError(f"{path!r} has a name that is not UTF-8; rename the file.") from None
        except OSError:
            info = probe(path, ffmpeg_path, keep)  # says in its own words that the file is missing
        if info.rate < SLOWEST:
            raise MediaError(f"{path} has {info.rate} samples per second; at least {SLOWEST} are needed. Convert it.")
        known = self._music.get((path, keep))
        if known is None or known.info != info:
            if info.missing:
                self.say(f"{path} is damaged and is used as it is, because of damaged: keep: {info.missing}.")
            self._music[path, keep] = Music(path, info, self.inputs.check_unchanged)
        return self._music[path, keep]

    def model(self, path: Path | None) -> ModelFolder:
        folder = path or shipped_folder()
        if folder not in self._models:
            self._models[folder] = ModelFolder(folder, self.store, self.say, self.inputs, self._decoders)
            self._models[folder].cuda_frames = self.cuda_frames
        return self._models[folder]

    def image(self, path: Path) -> np.ndarray:
        return self._picture(path)[0]

    def transparency(self, path: Path) -> np.ndarray:
        return self._picture(path)[1]

    def _picture(self, path: Path) -> tuple[np.ndarray, np.ndarray]:
        """Return the colours and the transparency of a picture, which all nodes that show it share."""
        if not path.is_file():
            return read_layers(path)  # says in its own words what is wrong
        digest = self.inputs.digest(path)
        if self._pictures.get(path, ("",))[0] != digest:
            colours, transparency = read_layers(path)
            colours.flags.writeable = transparency.flags.writeable = False
            self._pictures[path] = digest, colours, transparency
        return self._pictures[path][1:]

    def placed_image(self, path: Path, size: tuple[int, int], placing: Placing) -> tuple[np.ndarray, np.ndarray]:
        return place_picture(*self._picture(path), size, placing)

    def encoded_image(self, path: Path, model: ModelFiles, grid: tuple[int, int]) -> np.ndarray:
        def make() -> dict[str, np.ndarray]:
            size = grid[0] * model.scale, grid[1] * model.scale
            way_out = "a smaller grid on the decoder"
            return {"latents": from_picture(path, cast(ModelFolder, model).encoder(), size, "cover", self.say, way_out)}

        recipe = {"picture": self.inputs.digest(path), "encoder": model.encoder_digest(), "grid": list(grid)}
        return self.keep("pictures", recipe, make)["latents"]

    def video(self, path: Path, keep: bool = False) -> Video:
        kind = "video-kept" if keep else "video"

        def find() -> dict[str, Any]:
            if path.is_file() and path.stat().st_size > LARGE:
                self.say(f"listing the frames of {path.name}, once")
            return vars(list_frames(path, ffmpeg_path, keep)).copy()

        try:
            code = [code_digest(list_frames.__module__), ffmpeg_version()]
            about = self.inputs.about(kind, path, find, keep=True, code=code)
        except OSError:
            about = find()  # says in its own words that the file is missing
        pairs: dict[str, Any] = {name: tuple(about[name]) for name in ("size", "tick", "matrix")}
        info = VideoInfo(**about | pairs)
        known = self._videos.get((path, keep))
        if known is None or known.info != info:
            if info.missing:
                self.say(f"{path} is damaged and is used as it is, because of damaged: keep: {info.missing}.")
            if info.hdr:
                self.say(
                    f"{path} is HDR ({info.hdr}) and is not tone-mapped: it will look pale. Convert it to SDR first."
                )
            self._videos[path, keep] = Video(path, info, ffmpeg_path)
        return self._videos[path, keep]

    def files(self) -> set[Path]:
        """Return every file that was opened for a node."""
        models = {path for model in self._models.values() for path in model.folder.iterdir()}
        return {path.resolve() for path in {*self._pictures, *models, *self.inputs.paths()}}

    def file_digest(self, path: Path) -> str:
        return self.inputs.digest(path)

    def check_unchanged(self) -> None:
        self.inputs.check_unchanged()

    def keep(
        self, name: str, recipe: Mapping[str, Any], make: Callable[[], dict[str, np.ndarray]]
    ) -> dict[str, np.ndarray]:
        def make_of_the_same() -> dict[str, np.ndarray]:
            made = make()
            self.inputs.check_unchanged()
            return made

        return self.store.keep_arrays(name, dict(recipe) | {"made by": code_digest(_module_of(make))}, make_of_the_same)

    def say(self, text: str) -> None:
        """Tell the user something, once per run."""
        if text not in self._said:
            self._said.add(text)
            self._say(text)

    def model_digests(self) -> dict[str, dict[str, str | None]]:
        """Return the SHA-256 of every file of each model that was asked for, as its card has it."""
        return {
            str(model.folder): {name: about.get("sha256") for name, about in model.card["files"].items()}
            for model in self._models.values()
        }

    def music_heard(self) -> dict[str, dict[str, Any]]:
        """Return what every piece of music is that was asked for, and what of it is missing."""
        fields = ("digest", "rate", "channels", "layout", "samples", "peak", "missing")
        pieces = sorted(self._music.items())
        return {str(path): {name: getattr(music.info, name) for name in fields} for (path, _), music in pieces}

    @property
    def on_cpu(self) -> bool:
        """Whether the CPU decodes, because CUDA's memory was too small."""
        return not self.cuda_frames

    def step_down(self, frames: int) -> None:
        """Let CUDA decode no more frames at once from here on; 0: the CPU decodes."""
        self.cuda_frames = frames
        for model in self._models.values():
            model.cuda_frames = frames

    def folder(self) -> Path:
        """Return a folder for files that are gone when the context is closed."""
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="n2s-", ignore_cleanup_errors=True)
        return Path(self._folder.name)

    def close_music(self) -> None:
        """Close the music's files and decoders; whoever reads on opens them again."""
        for music in self._music.values():
            music.close()
        for video in self._videos.values():
            video.close()

    def close(self) -> None:
        self.close_music()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None
        if len(facts := known_facts()) > self._facts_known:
            with contextlib.suppress(RenderError):  # a store that cannot be written is told of where it matters
                self.store.note("code", facts_subject(), facts)
