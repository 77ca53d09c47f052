"""Flash safety: films on both sides of each limit, before and after Guard, as n2s and IRIS judge them.

    python -m venv iris && iris/bin/pip install iris-pse-detection
    python bench/flashes.py --iris-python iris/bin/python

IRIS is Electronic Arts' detector; the package is its port to Python (MIT). It compares the *means* of whole frames
where more than a quarter of the frame changes, so it cannot see what flashes in a smaller part, or in two halves
against each other; the table shows by whom each film is refused. ``--real`` also takes graphs of your own with a Guard.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from flashing import CASES, build  # noqa: E402

from n2s.graph.graph import Graph  # noqa: E402
from n2s.runtime.run import Run  # noqa: E402
from n2s.runtime.store import Store  # noqa: E402

IRIS = """
import contextlib, io, json, sys, tempfile
from iris_pse_detection.configuration import Configuration
from iris_pse_detection.video_analyser import VideoAnalyser
for line in sys.stdin:
    with contextlib.redirect_stdout(io.StringIO()), tempfile.TemporaryDirectory() as folder:
        found = VideoAnalyser(Configuration(results_path=folder + "/")).analyse_video(line.strip())
    kinds = found.total_luminance_incidents, found.total_red_incidents
    failed, long = (sum(getattr(k, f) for k in kinds) for f in ("flash_fail_frames", "extended_fail_frames"))
    print(json.dumps("fail" if failed else "extended" if long else "pass"), flush=True)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--iris-python", required=True, help="a Python that has iris-pse-detection")
    parser.add_argument("--real", type=Path, nargs="*", default=[], help="graphs with a Guard")
    options = parser.parse_args()
    referee = subprocess.Popen(
        [options.iris_python, "-c", IRIS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )

    def iris(path: str) -> str:
        referee.stdin.write(f"{path}\n")
        referee.stdin.flush()
        return json.loads(referee.stdout.readline())

    wrong = []
    print("| film | flashes in a second | IRIS before | lowered | least gain | flashes after | IRIS after |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as place:
        place = Path(place)
        store = Store(place / "store")
        graphs = [(case.name, case, None) for case in CASES] + [(path.stem, None, path) for path in options.real]
        for number, (name, case, path) in enumerate(graphs):
            folder = place / str(number)
            folder.mkdir()
            graph = build(case, folder, "FFmpegSink") if case else Graph.load(path)
            film = Run(graph, folder / "after", store).execute().films[0]
            guard = next(n for n, node in graph.nodes.items() if type(node).__name__ == "Guard")
            plain = (
                Run(Graph.load(graph.path, {f"{guard}.mode": "report"}), folder / "before", store).execute().films[0]
            )
            told, judged = film["flashes"][0], (iris(plain["path"]), iris(film["path"]))
            most, left = ([told[k][f] for k in ("light", "red")] for f in ("most_in_a_second", "most_left"))
            print(
                f"| {name} | {_said(most)} | {judged[0]} | {told['lowered_seconds']:g} s | {told['least_gain']:.2f} "
                f"| {_said(left)} | {judged[1]} |",
                flush=True,
            )
            if case and (
                judged[0] != case.iris or (max(most) <= 3) != case.safe or judged[1] == "fail" or max(left) > 3
            ):
                wrong.append(name)
    referee.stdin.close()
    referee.wait()
    print(f"\nnot as wanted: {', '.join(wrong)}" if wrong else "\nall as wanted")
    sys.exit(bool(wrong))


def _said(counts: list[int]) -> str:
    light, red = counts
    return f"{light}" + (f", {red} red" if red else "")


if __name__ == "__main__":
    main()
