"""Jobs and errors on their way between processes: as bytes, with clear errors for what cannot be sent."""

from __future__ import annotations

import io
import pickle
import traceback
from typing import Any

from n2s.graph.authors import whole_traceback
from n2s.graph.errors import GraphError, N2SError, OtherCode, RenderError
from n2s.runtime.executors.base import Job

IN_THREADS = "or render in threads (--jobs, or no executor named)"


class _Packer(pickle.Pickler):
    """Refuses classes that no other process can find, before it is tried."""

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, type):
            name = value.__qualname__
            if value.__module__ == "__main__":
                raise RenderError(
                    f"{name} is defined in the program that was started, which other processes do not run. Put it into "
                    f"a module of its own, {IN_THREADS}."
                )
            if "<locals>" in name:
                raise RenderError(
                    f"{name} of {value.__module__} is defined inside a function, where other processes do not find it. "
                    f"Define it in the module itself, {IN_THREADS}."
                )
        return NotImplemented


class _Unpacker(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return super().find_class(module, name)
        except Exception as error:  # the module may fail in any way while it is imported
            raise OtherCode(
                f"{name} of {module} cannot be found in another process ({type(error).__name__}: {error}). Put it into "
                f"a module that every Python can import from the same path, {IN_THREADS}."
            ) from None


def pack_job(job: Job) -> bytes:
    """Return a job as bytes.

    Raises
    ------
    RenderError
        When something in it cannot be sent, or cannot be found by another process.
    """
    buffer = io.BytesIO()
    try:
        _Packer(buffer, pickle.HIGHEST_PROTOCOL).dump(job)
    except N2SError:
        raise
    except Exception as error:  # whatever a value of an author's own says to being pickled
        raise RenderError(f"The work cannot be sent to other processes: {error}. Change that, {IN_THREADS}.") from error
    return buffer.getvalue()


def unpack_job(data: bytes) -> Job:
    """Return the job that some bytes hold; OtherCode where one of its classes is not found in this process."""
    return _Unpacker(io.BytesIO(data)).load()


class Elsewhere(Exception):
    """Stands for an exception in another process; its text is the traceback there."""

    def __str__(self) -> str:
        return "in another process\n" + self.args[0]


def pack_error(error: BaseException) -> bytes:
    """Return an error as bytes; one whose class does not survive that becomes one of this library's."""
    told = (
        whole_traceback(error) if isinstance(error, N2SError) else "".join(traceback.format_exception(error)).rstrip()
    )
    try:
        data = pickle.dumps((error, told))
        if str(pickle.loads(data)[0]) == str(error):
            return data
    except Exception:  # an exception of an author's own, with arguments of its own
        pass
    problems = getattr(error, "problems", None)
    text = str(error) if isinstance(error, N2SError) else f"{type(error).__name__}: {error}"
    plain = GraphError(text) if isinstance(error, GraphError) else RenderError(text)
    if problems and not isinstance(error, GraphError):
        plain.problems = problems
    return pickle.dumps((plain, told))


def unpack_error(data: bytes) -> BaseException:
    """Return the error that some bytes hold, with what happened in the other process as its cause."""
    error, told = pickle.loads(data)
    if told:
        error.__cause__ = Elsewhere(told)
    return error
