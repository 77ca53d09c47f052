"""Renew the pins of constraints.txt: the newest versions that install together.

python .ci/constraints.py                  all of them, but for torch and torchvision
python .ci/constraints.py numba llvmlite   these alone, the others as they are

pip resolves what the extras ask for without installing it. The pins of torch and torchvision stay unless they are
named: newer builds may bring gigabytes of CUDA. Every package is pinned that is pinned now or that pyproject.toml
names. Run it with the oldest Python that is supported, so that the pins hold for all; then run .ci/run.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PINS = ROOT / "constraints.txt"
HELD = ("torch", "torchvision")
APART = ("gpu",)  # extras that cannot be installed together with the others


def canonical(name: str) -> str:
    """Return the name of a package as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_pins(text: str) -> dict[str, str]:
    """Return the lines of pins by canonical name."""
    lines = [line for line in text.splitlines() if "==" in line and not line.startswith("#")]
    return {canonical(line.partition("==")[0]): line for line in lines}


def named_packages(project: dict) -> dict[str, str]:
    """Return the packages that the project names, by canonical name, as they are written there."""
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *(text for name in extras if name not in APART for text in extras[name])]
    names = [re.match(r"[A-Za-z0-9._-]+", text)[0] for text in wanted]
    return {canonical(name): name for name in names}


def resolve(extras: list[str], kept: dict[str, str]) -> dict[str, tuple[str, str]]:
    """Return the name and version of each package that pip would install under some pins, by canonical name."""
    with tempfile.TemporaryDirectory() as folder:
        pins, report = Path(folder) / "pins.txt", Path(folder) / "report.json"
        pins.write_text("\n".join(kept.values()) + "\n", encoding="utf-8")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed",
                   "--report", str(report), "-c", str(pins), f"{ROOT}[{','.join(extras)}]"]  # fmt: skip
        if subprocess.run(command, check=False).returncode:
            raise SystemExit("pip found no versions that go together; constraints.txt is as it was.")
        found = [item["metadata"] for item in json.loads(report.read_text(encoding="utf-8"))["install"]]
    # A build for one kind of machine, like 2.13.0+cpu, is a build of 2.13.0.
    return {canonical(each["name"]): (each["name"], each["version"].partition("+")[0]) for each in found}


def main(names: list[str]) -> None:
    text = PINS.read_text(encoding="utf-8")
    old = read_pins(text)
    if unknown := [name for name in names if canonical(name) not in old]:
        raise SystemExit(f"constraints.txt does not pin {', '.join(unknown)}.")
    renewed = {canonical(name) for name in names} or old.keys() - set(HELD)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    direct = named_packages(project)
    extras = [name for name in project["optional-dependencies"] if name not in APART]
    found = resolve(extras, {name: line for name, line in old.items() if name not in renewed})
    pins = dict(old)
    for name, (shown, version) in found.items():
        if name in old or name in direct:
            shown = old[name].partition("==")[0] if name in old else direct[name]
            pins[name] = f"{shown}=={version}"
    gone = [name for name in old if name not in found and name not in direct]
    lines = sorted(line for name, line in pins.items() if name not in gone)
    head = [line for line in text.splitlines() if line.startswith("#")]
    PINS.write_text("\n".join([*head, *lines]) + "\n", encoding="utf-8", newline="\n")
    for name in sorted({*old, *pins}):
        if name in gone or old.get(name) != pins[name]:
            print(f"{old.get(name, 'new')} -> {'no longer needed' if name in gone else pins[name]}")


if __name__ == "__main__":
    main(sys.argv[1:])
