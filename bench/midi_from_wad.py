"""Write the music of a WAD file, Doom's container, as MIDI files: music with a tempo map, to judge beats by.

python bench/midi_from_wad.py freedoom1.wad freedoom2.wad -o midi

Freedoom has such files under the BSD licence, in Debian's package of that name. The format: "IWAD" or "PWAD", how many
lumps there are and where their directory begins; there, 16 bytes for each: where it begins, its size, its name. Lumps
that are no standard MIDI files are left out, and so are those that were written already, under another name.
"""

from __future__ import annotations

import argparse
import struct
from collections.abc import Iterator
from pathlib import Path


def lumps(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the bytes of each lump of a WAD file."""
    kind, count, directory = struct.unpack_from("<4sii", data)
    if kind not in (b"IWAD", b"PWAD"):
        raise SystemExit("This is no WAD file.")
    for number in range(count):
        begin, size, name = struct.unpack_from("<ii8s", data, directory + 16 * number)
        yield name.rstrip(b"\0").decode("ascii", "replace"), data[begin : begin + size]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wads", nargs="+", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True, help="the folder to write to")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    written: set[bytes] = set()
    for wad in given.wads:
        for name, data in lumps(wad.read_bytes()):
            if data[:4] == b"MThd" and data not in written:
                written.add(data)
                (given.out / f"{wad.stem} {name.removeprefix('D_').lower()}.mid").write_bytes(data)
    print(f"{len(written)} pieces in {given.out}")


if __name__ == "__main__":
    main()
