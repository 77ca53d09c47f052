"""Few cases in which every two choices meet: most faults of many settings show where two of them do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations, product
from typing import Any

Case = dict[str, Any]


def pairwise(factors: Mapping[str, Sequence[Any]], possible: Callable[[Case], bool]) -> list[Case]:
    """Return cases that have each pair of values of two factors which any possible case has.

    Greedy: each next case is the first of those that have most of the pairs that are still missing; so the same factors
    give the same cases.
    """
    cases: list[Case] = []
    covers: list[int] = []  # the pairs of each case, as a set of bits
    numbers: dict[tuple, int] = {}
    for chosen in product(*(enumerate(values) for values in factors.values())):
        case = {name: value for name, (_, value) in zip(factors, chosen)}
        if possible(case):
            places = enumerate(place for place, _ in chosen)
            cases.append(case)
            covers.append(sum(1 << numbers.setdefault(pair, len(numbers)) for pair in combinations(places, 2)))
    missing, found = (1 << len(numbers)) - 1, []
    while missing:
        best = max(range(len(cases)), key=lambda i: (covers[i] & missing).bit_count())
        found.append(cases[best])
        missing &= ~covers[best]
    return found
