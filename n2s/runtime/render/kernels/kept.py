"""Compiled kernels, kept in files beside numba's cache: compiled once, checked and loaded ever after."""

from __future__ import annotations

import importlib
import importlib.util
import json
import pickle
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from n2s.graph.errors import N2SError, RenderError
from n2s.graph.keys import digest_bytes
from n2s.runtime.entries import checksum
from n2s.runtime.store import publish


class CompileError(RenderError):
    """Pixel code that numba cannot compile."""


def _first_reason(error: Exception) -> str:
    """Return the line of an error of numba's that says what is wrong, with its type where numba did not mean to say it.

    What it does not expect fails anywhere within numba, as any exception of Python's.
    """
    from numba.core.errors import NumbaError

    if not isinstance(error, NumbaError):
        return f"numba fails at it, {type(error).__name__}: {' '.join(str(error).split())[:200]}"
    lines = [line.strip(" >") for line in str(error).splitlines()]
    told = [line for line in lines if line and not line.startswith(("Failed in", "File", "During", "-", "There are"))]
    return told[0][:200].rstrip(".:") if told else type(error).__name__


@cache
def digest_of(*modules: str) -> str:
    """Return a digest of the text of modules of this folder, for the text of a kernel that they are compiled into."""
    found = [importlib.import_module(f"n2s.runtime.render.kernels.{module}").__file__ for module in modules]
    return digest_bytes(b"".join(Path(str(file)).read_bytes() for file in found))[:16]


# Imported inside functions: numba, which takes a third of a second, and is not needed where nothing is compiled.

_LOCK = threading.Lock()
_COMPILING = "n2s compiling"  # the name of the thread


@dataclass(frozen=True)
class Wanted:
    """A kernel whose machine code is missing: its source, the types it is for, and about how much work compiling is."""

    path: Path
    signature: tuple
    work: int


_asking = threading.local()


@contextmanager
def asking() -> Iterator[list[Wanted]]:
    """Return a context within which kernels that this thread runs do nothing; those that are missing are listed."""
    _asking.wanted = wanted = []
    try:
        yield wanted
    finally:
        del _asking.wanted


def compile_kernel(source: str, folder: Path, work: int = 0) -> Kept:
    """Return the kernel of a source, its machine code kept in ``folder`` between runs.

    ``work`` tells about how much work compiling it is, where the length of the source does not.
    """
    import numba

    name = f"k{digest_bytes((source + numba.__version__ + sys.version).encode())[:24]}"
    with _LOCK:
        module: Any = sys.modules.get(f"n2s_kernels.{name}")
        if module is None:
            path = folder / f"{name}.py"
            if not path.is_file() or path.read_bytes() != source.encode():
                publish(path, lambda temporary: temporary.write_bytes(source.encode()))
            spec: Any = importlib.util.spec_from_file_location(f"n2s_kernels.{name}", path)
            module = importlib.util.module_from_spec(spec)
            sys.modules[spec.name] = module  # numba looks the module up while it compiles
            spec.loader.exec_module(module)
            module.kernel = Kept(module.kernel, path, work or len(source))
        return module.kernel


def _types(arguments: tuple) -> tuple:
    import numba

    return tuple(numba.typeof(argument) for argument in arguments)


def _undisturbed(work: Callable[[Any], None], argument: Any) -> None:
    """Compile in a thread of its own, so that an interruption is heard at once and not in the middle of it.

    Raised inside a compilation it would be swallowed by numba or LLVM; so the thread goes on to the end of its kernel,
    which is why kernels are small; a command that was interrupted does not wait for it.
    """
    failed: list[BaseException] = []

    def run() -> None:
        try:
            work(argument)
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, name=_COMPILING)
    thread.start()
    while thread.is_alive():
        thread.join(0.1)
    if failed:
        raise failed[0]


class Kept:
    """A kernel that survives damaged files in numba's cache: they are removed, and it is compiled again."""

    def __init__(self, kernel: Any, path: Path, work: int):
        self.kernel, self.path, self.work, self.checked = kernel, path, work, False
        self.cache = path.parent / "__pycache__"

    def __call__(self, *arguments: Any) -> bool:
        wanted = getattr(_asking, "wanted", None)
        if wanted is not None:
            if not self.checked and not self._files() and all(other.path != self.path for other in wanted):
                wanted.append(Wanted(self.path, _types(arguments), self.work))
            return False
        if not self.checked:
            with _LOCK:
                try:
                    _undisturbed(self.make_ready, _types(arguments))
                except (N2SError, MemoryError, OSError):  # of the machine, and not of the code
                    raise
                except Exception as error:
                    raise CompileError(_first_reason(error)) from error
        return self.kernel(*arguments)

    def make_ready(self, signature: tuple) -> None:
        """Load the machine code for arguments of some types, or make it."""
        cached = self._remove_damaged()
        if not cached:
            self._forget_cache()
        try:
            self.kernel.compile(signature)
        except (pickle.UnpicklingError, EOFError, KeyError, ValueError, AttributeError, ImportError):
            if not self._remove():
                cached = self._forget_cache()
            self.kernel.compile(signature)
        except OSError:  # machine code that cannot be kept can still be used
            cached = self._forget_cache()
            self.kernel.compile(signature)
        if cached:
            self._note_checksums()
        self.checked = True

    def _forget_cache(self) -> bool:
        """Compile without files from now on; return False, as no file is used."""
        from numba.core.caching import NullCache

        self.kernel._cache = NullCache()
        return False

    @property
    def _name(self) -> str:
        return self.kernel.py_func.__module__.partition(".")[2]

    def _files(self) -> list[Path]:
        """Numba's files of this kernel: an index and the machine code."""
        return sorted(path for path in self.cache.glob(f"{self._name}*") if path.suffix in (".nbi", ".nbc"))

    def _sums(self) -> dict[str, str]:
        """Return the checksum of each file; one that another process removes at this moment has none."""
        sums = {}
        for path in self._files():
            with suppress(FileNotFoundError):
                sums[path.name] = checksum(path)
        return sums

    def _noted_sums(self) -> dict[str, str]:
        """Return the checksums that were noted; of a file that is damaged itself none."""
        try:
            noted = json.loads(self._sums_file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return noted if isinstance(noted, dict) else {}

    @property
    def _sums_file(self) -> Path:
        return self.cache / f"{self._name}.sums"

    def _remove_damaged(self) -> bool:
        """Remove what is not as it was written: machine code is run as it lies, and a flipped bit could do anything.

        Returns
        -------
        bool
            Whether what is there now may be run: damaged code is not where it cannot be removed.
        """
        noted = self._noted_sums()
        if any(noted.get(name) != found for name, found in self._sums().items()):
            return self._remove()
        return True

    def _remove(self) -> bool:
        """Remove the files of this kernel; return whether all could be, as they cannot in a store that is read-only."""
        try:
            for path in self._files():
                path.unlink(missing_ok=True)
        except OSError:
            return False
        return True

    def _note_checksums(self) -> None:
        sums = self._sums()
        if sums == self._noted_sums():  # nothing is written where nothing is new: the store may be read-only
            return
        text = json.dumps(sums)
        try:
            publish(self._sums_file, lambda path: path.write_text(text, encoding="utf-8"))
        except RenderError:
            self._remove()  # code that nobody vouches for is compiled again next time
