"""Models: a folder with a card (meta.json), decoders in several precisions, anchors. Checked before they are used."""

from __future__ import annotations

import hashlib
import io
import threading
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from n2s.graph.arrays import read_arrays
from n2s.graph.context import SKETCH
from n2s.graph.errors import ChangedFileError, MissingFileError, RenderError
from n2s.graph.registry import suggest
from n2s.runtime import gpu
from n2s.runtime.inputs import InputFiles
from n2s.runtime.machine import onnxruntime_flavour
from n2s.runtime.models.cards import (
    ARCHIVE,
    CARD,
    decoder_file,
    missing_text,
    read_card,
    unreadable_text,
    wrong_anchor_text,
)
from n2s.runtime.models.decoder import MOST_AT_ONCE, SessionDecoder
from n2s.runtime.models.onnxfile import has_external_data
from n2s.runtime.models.sessions import OUT_OF_MEMORY, is_net_of_arrays, said
from n2s.runtime.models.upscaler import SessionUpscaler
from n2s.runtime.render.kernels.cuda_device import Device
from n2s.runtime.store import Store

FATAL = 4  # of onnxruntime's severities
PREFERENCES = {"cpu": ("int8", "fp32", "fp16"), "cuda": ("fp16", "fp32", "int8")}


class ModelFolder:
    """The files of one model.

    Parameters
    ----------
    folder : Path
    store : Store, optional
        Remembers digests of unchanged files.
    say : callable
        Takes a sentence for the user, when a fallback is taken.
    files : InputFiles, optional
        Of the run that the model takes part in.
    decoders : dict, optional
        Decoders that are open already, by the digest of their file, their provider and their batch.
    """

    def __init__(
        self,
        folder: Path,
        store: Store | None,
        say: Any = print,
        files: InputFiles | None = None,
        decoders: dict[tuple, SessionDecoder] | None = None,
    ):
        self.folder, self.store, self.say = folder, store, say
        self.files = files or InputFiles(store)
        self.cuda_frames = MOST_AT_ONCE  # that CUDA decodes at once at most; 0: the CPU decodes
        self._anchors: tuple[str, dict[str, np.ndarray]] = ("", {})  # the digest of the archive, what is in it
        self._given: dict[str, np.ndarray] = {}  # the anchors that were asked for
        self._decoders = {} if decoders is None else decoders
        self._upscalers: dict[tuple[str, str], SessionUpscaler] = {}
        self._lock = threading.Lock()

    @property
    def card(self) -> dict[str, Any]:
        """What the model says of itself, read again when the file was replaced.

        Raises
        ------
        RenderError
            When there is none, or it is no card.
        """
        path = self.folder / CARD
        try:
            return self.files.about("card", path, lambda: read_card(path), guarded=False)
        except (FileNotFoundError, NotADirectoryError):
            raise MissingFileError(
                f"There is no model in {self.folder}: its card meta.json is missing. Leave the node's model out to use "
                "the shipped one, or train one (training/README.md)."
            ) from None
        except OSError as error:
            raise RenderError(f"{path} cannot be read: {error.strerror}.") from None

    @cached_property
    def latent(self) -> dict[str, Any]:
        """The card's entry on latents, as first read: ``channels``, ``scale``, and ``reach`` if it is known."""
        return self.card["latent"]

    @property
    def channels(self) -> int:
        return int(self.latent["channels"])

    @property
    def scale(self) -> int:
        return int(self.latent["scale"])

    def details(self, precision: str) -> dict[str, int]:
        """Return the pixels per cell of each decoder that there is in a precision, the coarsest first."""
        scales = {name: int(about["scale"]) for name, about in sorted(self.card.get("details", {}).items())}
        there = lambda name: precision == "auto" or decoder_file(precision, name) in self.card["files"]  # noqa: E731
        return {"x1": self.scale} | {name: scale for name, scale in scales.items() if there(name)}

    @property
    def sketch_scale(self) -> int:
        """The pixels per cell of the net that shows from far away what the decoder draws; 0 where there is none."""
        return int(self.card.get(SKETCH, {}).get("scale", 0))

    def checked(self, name: str) -> tuple[Path, str]:
        """Return a file of the model and its SHA-256, which must be the card's.

        Raises
        ------
        RenderError
            When the file is missing or is not the one the card describes.
        """
        path = self.folder / name
        about = self.card["files"].get(name, {})
        expected = about.get("sha256")
        if expected is None:
            raise RenderError(
                f"The model in {self.folder} has no {name}; its card lists {', '.join(self.card['files'])}."
            )
        if not path.is_file():
            raise RenderError(missing_text(path))
        digest = self.files.digest(path, guarded=name != ARCHIVE)  # anchors may be added while a run uses others
        if digest not in (expected, about.get("next")):  # next: what a change under way puts in its place
            raise RenderError(
                f"{path} is not the file its card describes (SHA-256 {digest[:12]}…, the card says "
                f"{expected[:12]}…): it is damaged or was replaced. Fetch or export the model again."
            )
        return path, digest

    def _all_anchors(self) -> dict[str, np.ndarray]:
        """Return the anchors of the archive as it is now, read again when it was replaced."""
        path, digest = self.checked(ARCHIVE)
        if self._anchors[0] != digest:
            data = path.read_bytes()
            if hashlib.sha256(data).hexdigest() != digest:
                raise ChangedFileError(f"{path} was changed while it was read. Run again.")
            try:
                arrays = read_arrays(io.BytesIO(data))
                self._anchors = digest, {name: np.asarray(array, np.float32) for name, array in arrays.items()}
            except Exception as error:  # numpy and zipfile have many ways to fail on a damaged archive
                raise RenderError(unreadable_text(path, error)) from None
        return self._anchors[1]

    def anchor(self, name: str) -> np.ndarray:
        """Return a named anchor, float32 (C, h, w)."""
        if name not in self._given:  # what a key speaks of is what is used, whatever happens to the archive meanwhile
            self._given[name] = self._find_anchor(name)
        return self._given[name]

    def _find_anchor(self, name: str) -> np.ndarray:
        known = self._all_anchors()
        if name not in known:
            raise RenderError(f'The model has no anchor "{name}". {suggest(name, sorted(known))}')
        anchor = known[name]
        if anchor.ndim != 3 or anchor.shape[0] != self.channels or not anchor.size or not np.isfinite(anchor).all():
            raise RenderError(wrong_anchor_text(name, anchor.shape, self.channels))
        anchor.flags.writeable = False  # every node that reads it shares it
        return anchor

    @property
    def force_cpu(self) -> bool:
        """Whether the CPU decodes, whatever nodes prefer."""
        return not self.cuda_frames

    def provider(self, wanted: str) -> str:
        """Return what will really run: "cuda" where it was not declined and works, else "cpu"."""
        if wanted == "cpu" or self.force_cpu:
            return "cpu"
        if onnxruntime_flavour() == "gpu" and self._cuda_works:
            return "cuda"
        if wanted == "cuda":
            self.say("CUDA cannot be used here; the CPU decodes instead.")
        return "cpu"

    @cached_property
    def _cuda_works(self) -> bool:
        try:
            path, digest = self.file("auto", "cuda")
            self._session(path, "cuda", digest)
        except RenderError:
            return False
        return True

    def file(self, precision: str, provider: str, detail: str = "x1") -> tuple[Path, str]:
        """Return the decoder of a precision and its digest; "auto" takes the provider's best that there is."""
        wanted = PREFERENCES[provider] if precision == "auto" else [precision]
        names = [decoder_file(each, detail) for each in wanted]
        name = next((name for name in names if name in self.card["files"]), names[0])
        return self.checked(name)

    def identity(self, precision: str, provider: str, detail: str = "x1", batch: int = 1) -> dict[str, str]:
        """Return what names the decoder that will run: its file's digest and its provider.

        With CUDA it names the batch, too, and the GPU where kernels run on it.
        """
        actual = self.provider(provider)
        other = {} if detail == "x1" else {"detail": detail}
        named = {"decoder": self.file(precision, actual, detail)[1], "provider": actual} | other
        if actual == "cpu":
            return named
        device = gpu.find_gpu()
        return named | {"batch": str(min(batch, self.cuda_frames))} | (gpu.identity(device) if device else {})

    def decoder(self, precision: str, provider: str, batch: int, detail: str = "x1") -> SessionDecoder:
        """Return a decoder that threads may share."""
        actual = self.provider(provider)
        path, digest = self.file(precision, actual, detail)
        batch = batch if actual == "cpu" else min(batch, self.cuda_frames)
        with self._lock:
            key = (digest, actual, batch)
            if key not in self._decoders:
                make = lambda: self._session(path, actual, digest)  # noqa: E731
                scale = self.sketch_scale if detail == SKETCH else self.details("auto")[detail]
                self._decoders[key] = SessionDecoder(
                    path, make, actual, batch, self.channels, scale, self.device(actual)
                )
            return self._decoders[key]

    def device(self, provider: str) -> Device | None:
        """Return the GPU on which a provider leaves frames; None where there is none."""
        return gpu.find_gpu() if provider == "cuda" else None

    def encoder(self) -> SessionEncoder:
        """Return the encoder, on the CPU: pictures are few, and their latents should not depend on a GPU."""
        path, digest = self._encoder_file()
        return SessionEncoder(path, self._session(path, "cpu", digest), self.channels, self.scale)

    def encoder_digest(self) -> str:
        """Return the digest of the encoder's file."""
        return self._encoder_file()[1]

    def _encoder_file(self) -> tuple[Path, str]:
        names = [f"encoder.{precision}.onnx" for precision in ("fp32", "fp16", "int8")]
        name = next((name for name in names if name in self.card["files"]), None)
        if name is None:
            raise RenderError(
                f"The model in {self.folder} has no encoder, which turns pictures into latents; its "
                f"card lists {', '.join(self.card['files'])}. Take a model that was exported with one."
            )
        return self.checked(name)

    def upscaler_identity(self, provider: str) -> dict[str, str]:
        """Return what names the net that enlarges frames: its file's digest and its provider."""
        actual = self.provider(provider)
        return {"upscaler": self._upscaler_file(actual)[1], "provider": actual}

    def upscaler(self, provider: str) -> SessionUpscaler:
        """Return the net that enlarges frames; threads may share it."""
        actual = self.provider(provider)
        path, digest = self._upscaler_file(actual)
        with self._lock:
            if (digest, actual) not in self._upscalers:
                self._upscalers[digest, actual] = SessionUpscaler(path, self._session(path, actual, digest), actual)
            return self._upscalers[digest, actual]

    def _upscaler_file(self, provider: str) -> tuple[Path, str]:
        names = [f"upscale.{precision}.onnx" for precision in PREFERENCES[provider]]
        return self.checked(next((name for name in names if name in self.card["files"]), names[0]))

    def _session(self, path: Path, provider: str, digest: str) -> Any:
        """Open a session with one thread: chunks run side by side instead."""
        onnxruntime_flavour()
        try:
            import onnxruntime  # heavy, and either of two packages, or none
        except ImportError as error:  # it is there, but a library of the system that it needs is not
            raise RenderError(
                f"onnxruntime is installed but cannot be started: {said(error)}. Cure: pip install --force-reinstall "
                "onnxruntime (or onnxruntime-gpu, where that is installed)."
            ) from None

        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != digest:  # keys speak of the file that has this digest
            raise ChangedFileError(f"{path} was changed during the run. Run again.")
        try:
            if has_external_data(data):
                raise RenderError(f"{path} keeps weights in another file, which is not allowed: export it as one file.")
        except ValueError:
            raise RenderError(f"{path} is no ONNX file. Export the model again.") from None
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # Fatal alone: what matters comes as an exception, and CUDA's provider tells of every kernel it does without.
        options.log_severity_level = FATAL
        onnxruntime.set_default_logger_severity(FATAL)
        providers: list[Any] = ["CPUExecutionProvider"]
        if provider == "cuda":
            onnxruntime.preload_dlls()
            cuda = {"arena_extend_strategy": "kSameAsRequested", "cudnn_conv_algo_search": "HEURISTIC", "use_tf32": "0"}
            providers.insert(0, ("CUDAExecutionProvider", cuda))
        try:
            session = onnxruntime.InferenceSession(data, options, providers=providers)
        except Exception as error:
            raise RenderError(f"{path} cannot be opened: {said(error)}. Export the model again.") from None
        if provider == "cuda" and "CUDAExecutionProvider" not in session.get_providers():
            raise RenderError("onnxruntime could not start CUDA.")
        return session


class SessionEncoder:
    """An encoder on an open session, which threads may share."""

    def __init__(self, path: Path, session: Any, channels: int, scale: int):
        self.path, self.channels, self.scale = path, channels, scale
        self._session = session
        if not is_net_of_arrays(session):
            raise RenderError(
                f"{path} is no encoder: it must take float32 frames (N, 3, H, W) and give float32 latents (N, C, h, w)."
            )

    def encode(self, frame: np.ndarray) -> np.ndarray:
        """Return latents float32 (C, H / scale, W / scale) of a frame float32 (3, H, W), 0..1."""
        name, frames = self._session.get_inputs()[0].name, np.ascontiguousarray(frame[None], np.float32)
        try:
            made = self._session.run(None, {name: frames})[0]
        except Exception as error:
            if OUT_OF_MEMORY.search(str(error)):
                raise RenderError("There is too little memory to encode one picture. Give a smaller --size.") from None
            raise RenderError(f"{self.path} failed while encoding: {said(error)}") from None
        wanted = (1, self.channels, *(side // self.scale for side in frame.shape[1:]))
        if made.shape != wanted:
            raise RenderError(
                f"{self.path} turns a frame {frame.shape} into latents {made.shape}; its card says {wanted}."
            )
        return made[0]
