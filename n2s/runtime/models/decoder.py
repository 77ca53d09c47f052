"""Decoders on open sessions: frames as arrays, or on the GPU that decodes them."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np

from n2s.graph.errors import N2SError, RenderError
from n2s.runtime.models.sessions import OUT_OF_MEMORY, ProviderExhausted, is_net_of_arrays, said
from n2s.runtime.render.kernels.cuda_device import Device, Memory, OnDevice

MOST_AT_ONCE = 4  # frames that CUDA decodes at once: a block; what is missing of a batch is decoded for nothing
EXHAUSTED = "The memory of CUDA is too small for one frame; the CPU decodes from here on."


class SessionDecoder:
    """A decoder on an open session.

    When memory runs out it halves its batch, and at last opens the session anew. With CUDA the last bits of a frame
    depend on how many are decoded at once; so there a batch is always full, of zeros where frames lack, and where
    memory runs out the rest is planned again.

    Attributes
    ----------
    device : Device or None
        The GPU that its frames may stay on.
    """

    def __init__(
        self,
        path: Path,
        make_session: Any,
        provider: str,
        batch: int,
        channels: int,
        scale: int,
        device: Device | None = None,
    ):
        self.path, self.provider, self.scale, self.channels, self.device = path, provider, scale, channels, device
        self.batch = batch if provider == "cpu" else min(batch, MOST_AT_ONCE)
        self._make = make_session
        self._session: Any = None
        self._lock = threading.Lock()

    def _open(self) -> Any:
        with self._lock:
            if self._session is None:
                session = self._make()
                self._check(session)
                self._session = session
            return self._session

    def _check(self, session: Any) -> None:
        if not is_net_of_arrays(session):
            raise RenderError(
                f"{self.path} is no decoder: it must take float32 latents (N, C, h, w) and give float32 "
                "frames (N, 3, H, W)."
            )
        rows, columns = 2, 3
        probe = np.zeros((1, self.channels, rows, columns), np.float32)
        try:
            shape = session.run(None, {session.get_inputs()[0].name: probe})[0].shape
        except Exception as error:
            if OUT_OF_MEMORY.search(str(error)):
                raise MemoryError(str(error)) from None
            raise RenderError(
                f"{self.path} cannot decode latents of shape {probe.shape}, although its card says so: {said(error)}"
            ) from None
        wanted = (1, 3, self.scale * rows, self.scale * columns)
        if shape != wanted:
            raise RenderError(f"{self.path} turns latents {probe.shape} into frames {shape}; its card says {wanted}.")

    def decode(self, latents: np.ndarray) -> np.ndarray:
        """Return frames float32 (N, 3, scale h, scale w) of latents float32 (N, C, h, w)."""
        frames: Any = None
        start = 0
        while start < len(latents):
            batch = self.batch
            part = latents[start : start + batch]
            made = self._run(self._filled(part, batch))
            if made is None:
                continue
            made = made[: len(part)]
            if frames is None:
                frames = np.empty((len(latents), *made.shape[1:]), np.float32)
            frames[start : start + len(made)] = made
            start += len(made)
        return frames

    def decode_on_device(self, latents: np.ndarray) -> OnDevice:
        """Return the same on its GPU."""
        device: Any = self.device
        count, _, rows, columns = latents.shape
        most = self.batch
        shape = 3, rows * self.scale, columns * self.scale
        size = 4 * shape[0] * shape[1] * shape[2]
        try:
            memory = device.empty(size * (count + most))  # the last batch may be longer than what is left
            device.wait()
        except MemoryError:
            raise ProviderExhausted(EXHAUSTED) from None
        start = 0
        while start < count:
            batch = self.batch  # never more than it was
            part = latents[start : start + batch]
            if self._run(self._filled(part, batch), memory.address + start * size) is not None:
                start += len(part)
        return OnDevice(device, Memory(memory.address, size * count, memory.owner), (count, *shape))

    @property
    def on_device(self) -> OnDeviceDecoder:
        """The same decoder, whose frames stay on its GPU."""
        return OnDeviceDecoder(self)

    def _filled(self, latents: np.ndarray, batch: int) -> np.ndarray:
        """Return latents as a batch, of which CUDA takes full ones."""
        if self.provider == "cpu" or len(latents) == batch:
            return np.ascontiguousarray(latents, np.float32)
        made = np.zeros((batch, *latents.shape[1:]), np.float32)
        made[: len(latents)] = latents
        return made

    def _into(self, session: Any, latents: np.ndarray, address: int) -> tuple[int, ...]:
        """Decode a batch into memory of the GPU; return the shape of the frames."""
        device: Any = self.device
        binding = session.io_binding()
        binding.bind_cpu_input(session.get_inputs()[0].name, latents)
        count, _, rows, columns = latents.shape
        shape = count, 3, rows * self.scale, columns * self.scale
        output = session.get_outputs()[0].name
        binding.bind_output(output, device.provider, 0, np.float32, shape, address)
        session.run_with_iobinding(binding)
        binding.synchronize_outputs()
        return shape

    def _run(self, latents: np.ndarray, address: int | None = None) -> Any:
        """Decode a batch, into memory of the GPU where an address is given; None after it was made smaller."""
        for attempt in range(2):
            try:
                session = self._open()
                if address is not None:
                    return self._into(session, latents, address)
                return session.run(None, {session.get_inputs()[0].name: latents})[0]
            except N2SError:
                raise
            except Exception as error:
                if not OUT_OF_MEMORY.search(str(error)):
                    raise RenderError(f"{self.path} failed while decoding: {said(error)}") from None
                if len(latents) > 1 and self.provider == "cuda":  # keys name how many are decoded at once
                    self._session = None
                    raise _fewer(len(latents)) from None
                if len(latents) > 1:
                    self.batch = max(1, len(latents) // 2)
                    return None
                if attempt == 0:
                    with self._lock:
                        self._session = None
        if self.provider == "cuda":
            raise ProviderExhausted(EXHAUSTED)
        raise RenderError(
            "There is too little memory to decode one frame. Lower the decoder's grid, or the number of chunks that "
            "are rendered at the same time (--jobs or --workers)."
        )


def _fewer(frames: int) -> ProviderExhausted:
    """Return the error that lets half as many frames be decoded at once."""
    error = ProviderExhausted(
        f"The memory of CUDA does not hold {frames} frames at once; it decodes {frames // 2} at once from here on."
    )
    error.frames = frames // 2
    return error


class OnDeviceDecoder:
    """A decoder whose frames stay on its GPU."""

    def __init__(self, decoder: SessionDecoder):
        self.scale, self.channels, self.decode = decoder.scale, decoder.channels, decoder.decode_on_device
