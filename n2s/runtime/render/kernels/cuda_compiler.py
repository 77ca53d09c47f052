"""The compiler of kernels for CUDA: NVRTC, which needs no device and no driver.

It makes code for one architecture (``sm_90``), so that the compiler of a driver takes no part in the bits. Sums and
products are not contracted, divisions and square roots are rounded correctly, and small numbers are kept.
"""

from __future__ import annotations

from typing import Any

from n2s.runtime.render.kernels.kept import CompileError

OPTIONS = ("--fmad=false", "--prec-div=true", "--prec-sqrt=true", "--ftz=false", "--std=c++17")


def version() -> str:
    """Return the version of the compiler."""
    nvrtc = _nvrtc()
    major, minor = _checked(nvrtc.nvrtcVersion())
    return f"{major}.{minor}"


def cubin_of(source: str, architecture: str) -> bytes:
    """Return the machine code of a source.

    Raises
    ------
    CompileError
        When it is not of the language, with what the compiler says.
    """
    return _compiled(source, architecture, "CUBIN")


def ptx_of(source: str, architecture: str) -> str:
    """Return the same as text, before it is made for the architecture."""
    return _compiled(source, architecture, "PTX").decode()


def _compiled(source: str, architecture: str, form: str) -> bytes:
    """Return what NVRTC makes of a source, in one of its forms."""
    nvrtc = _nvrtc()
    program = _checked(nvrtc.nvrtcCreateProgram(source.encode(), b"kernel.cu", 0, [], []))
    options = [option.encode() for option in (f"--gpu-architecture={architecture}", *OPTIONS)]
    (status,) = nvrtc.nvrtcCompileProgram(program, len(options), options)
    try:
        if status != nvrtc.nvrtcResult.NVRTC_SUCCESS:
            log = bytearray(_checked(nvrtc.nvrtcGetProgramLogSize(program)))
            nvrtc.nvrtcGetProgramLog(program, log)
            said = log.decode(errors="replace").strip("\0 \n").splitlines() or [str(status)]
            raise CompileError(f"NVRTC cannot compile it: {next((line for line in said if 'error' in line), said[0])}")
        made = bytearray(_checked(getattr(nvrtc, f"nvrtcGet{form}Size")(program)))
        _checked(getattr(nvrtc, f"nvrtcGet{form}")(program, made))
        return bytes(made)
    finally:
        nvrtc.nvrtcDestroyProgram(program)


def _nvrtc() -> Any:
    # Of the extra [gpu], and heavy.
    from cuda.bindings import nvrtc  # pyright: ignore[reportMissingImports]

    return nvrtc


def _checked(answer: tuple) -> Any:
    """Return what a call of NVRTC gave."""
    status, *given = answer
    if status.value:
        raise CompileError(f"NVRTC says {status.name}")
    return given[0] if len(given) == 1 else tuple(given)
