"""Filters: what Bloom, Blur and Sharpen cost beyond the chain that they join.

    python bench/filters.py --repeats 15

The chain is tone and grain over a picture of 1920x1080, to 8-bit yuv420p in BT.709. It is measured with and without the
filter between the two, in turns, on one thread; the table shows medians of processor time and of the differences
between neighbours in time. A filter also costs that its picture is made whole, and that of tone is in the figure.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
from chain import STILL, films_in_turns
from post import HEIGHT, WIDTH, pictures
from scipy.ndimage import gaussian_filter

from n2s.nodes import Bloom, Blur, Sharpen
from n2s.runtime.media.png import write_picture

BLOOM = 15.0  # the target: ms of processor time per frame beyond the chain


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    filters = {
        "the chain": None,
        "Bloom": Bloom(),
        "Blur by 0.1 heights": Blur(radius=0.1),
        "Blur by 0.01 heights": Blur(radius=0.01),
        "Blur by 0.001 heights": Blur(radius=0.001),
        "Sharpen": Sharpen(),
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        noisy = pictures()[0].transpose(1, 2, 0) + np.random.default_rng(0).normal(0, 0.02, (HEIGHT, WIDTH, 3))
        write_picture(folder / STILL, np.uint8(np.clip(noisy, 0, 1) * 255))
        times = films_in_turns(filters, folder, options.repeats)
    light = np.ascontiguousarray(noisy.transpose(2, 0, 1), np.float32)
    began = time.thread_time()
    for sigma in (108, 54, 27, 13.5, 6.75, 3.8):
        gaussian_filter(light, (0, sigma, sigma), mode="nearest")
    scipy = (time.thread_time() - began) * 1000
    print(f"{'':24}{'CPU ms/frame':>14}{'beyond the chain':>20}{'target':>10}")
    for name, values in times.items():
        beyond = f"{np.median(np.subtract(values, times['the chain'])):20.2f}" if filters[name] else ""
        print(f"{name:24}{np.median(values):14.2f}{beyond}{f'{BLOOM:10.1f}' if name == 'Bloom' else ''}")
    print(f"{'SciPy, the Gaussians of Bloom alone':38}{scipy:20.0f}")
    if options.json:
        options.json.write_text(json.dumps(times | {"SciPy": scipy}, indent=1))


if __name__ == "__main__":
    main()
