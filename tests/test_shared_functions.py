"""Functions that several kernels have are compiled once in a process, and only where they compute the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import harness
import numpy as np
import pytest
from numba import njit

from n2s.runtime.render.frames import FrameMaker
from n2s.runtime.render.kernels import jit
from n2s.runtime.render.kernels.jit import INLINED, INNER, KERNEL, decorator, record, shared
from n2s.runtime.store import Store

HALF = "def half(x):\n    return x * SHARE"
MORE = "def more(x):\n    return half(x) + 1"


@pytest.fixture(autouse=True)
def nothing_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jit, "_shared", {})


def module(*texts: str, options: Any = INNER, **known: Any) -> dict[str, Any]:
    """Return the names of a module that has some functions, each with its decorator, and what else it knows."""
    names = {"shared": shared, "record": record, "np": np, **known}
    exec("\n\n".join(f"{decorator(options)}\n{text}" for text in texts), names)
    return names


def test_the_same_text_is_the_same_function_wherever_it_stands() -> None:
    one, two = module(HALF, MORE, SHARE=2), module("def other(x):\n    return x", HALF, MORE, SHARE=2)
    assert one["half"] is two["half"] and one["more"] is two["more"]


@pytest.mark.parametrize(
    ("texts", "options", "known"),
    [
        ([HALF], INNER, {"SHARE": 3}),
        ([HALF], INNER, {"SHARE": 2.0}),
        ([HALF.replace("x * SHARE", "SHARE * x")], INNER, {"SHARE": 2}),
        ([HALF], INLINED, {"SHARE": 2}),
    ],
)
def test_what_differs_is_not_shared(texts: Sequence[str], options: Any, known: dict[str, Any]) -> None:
    first = module(HALF, SHARE=2)["half"]
    assert module(*texts, options=options, **known)["half"] is not first


def test_a_function_follows_what_it_calls() -> None:
    one, two = module(HALF, MORE, SHARE=2), module(HALF.replace("*", "+"), MORE, SHARE=2)
    assert one["more"] is not two["more"]
    run = [njit(names["more"].py_func) for names in (one, two)]  # those of kernels have no entry for Python
    assert [more(5) for more in run] == [11, 8]


@pytest.mark.parametrize(
    "text",
    [
        "def late(x):\n    return x + LATE",
        "def late(x):\n    return late(x - 1) if x > 0 else x",
        "def late(x):\n    f = lambda: SHARE\n    return f()",
        "def late(x, share=2):\n    return x * share",
    ],
    ids=["a name that comes later", "itself", "a function in it", "a default"],
)
def test_what_cannot_be_told_is_compiled_for_itself(text: str) -> None:
    assert module(text)["late"] is not module(text)["late"]


def test_records_of_the_same_fields_are_one_type() -> None:
    assert record("At", "x y") is record("At", "x y") is not record("At", "x y z")


def test_a_kernel_is_never_shared() -> None:
    assert decorator(KERNEL).startswith("@njit(") and decorator(INNER).startswith("@shared(")


def test_kernels_of_films_share_their_functions(studio: Any, tmp_path: Any) -> None:
    """A second film compiles only those of its functions that the first one does not have."""
    counts = []
    for name in ("Invert", "Posterise"):
        graph = harness.load(harness.around(name, studio.model), studio.folder)
        store = Store(tmp_path / name)
        FrameMaker(harness.plan(graph, store), store).frames(0, 1)
        counts.append(sorted(key[0].co_name for key in jit._shared))
    first, both = counts
    assert "round_half" in first and both.count("round_half") == 1
    assert set(first) < set(both)
