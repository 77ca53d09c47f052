"""Machine code that numba keeps for other people's functions, which outlives what it was made from.

``@njit(cache=True)`` keeps machine code beside a function's file and uses it again while that file is the same. What
the function took from other files (a constant, another function) is compiled into it, so that an edit there changes
nothing. The keys of frames depend on all code, so such functions are compiled again in every process.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any, cast

from n2s.graph.code.files import OWN, installed_version, is_standard


def forget_kept_code(nodes: Iterable[Any]) -> None:
    """Let no function of a package of others use kept machine code, where nodes of such packages take part."""
    others = {type(node).__module__.partition(".")[0] for node in nodes} - {OWN}
    if not others or "numba" not in sys.modules:
        return
    # Heavy, and only here where numba is imported already.
    from numba.core.caching import NullCache
    from numba.core.dispatcher import Dispatcher

    for name, module in list(sys.modules.items()):
        top = name.partition(".")[0]
        if top == OWN or top == "n2s_kernels" or (top not in others and (is_standard(top) or installed_version(top))):
            continue
        for value in list(vars(module).values()):
            function = getattr(value, "_dispatcher", value)  # of a vectorised function
            if isinstance(function, Dispatcher) and not isinstance(cast(Any, function)._cache, NullCache):
                cast(Any, function)._cache = NullCache()
                if function.signatures:
                    function.recompile()
