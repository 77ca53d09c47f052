"""Ogg: pages (RFC 3533), the streams they carry one after the other, and the damage between them.

A physical stream may be a chain of links: each begins with the header pages of its codec, and players play them all.
A last page without the mark of an end is still whole: recorders and radio stations never write one.
"""

from __future__ import annotations

import mmap
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import BinaryIO

from n2s.runtime.media.music.reading import Part, Reading, damage_error, truncation_error

CONTINUED, FIRST, LAST = 1, 2, 4
SMALLEST_PAGE, LARGEST_PAGE = 28, 65307  # bytes
PAGES_OF_HEADERS = 64  # and the first of sound; a cover picture may take many of 64 KB
VORBIS, OPUS = b"\x01vorbis", b"OpusHead"
OPUS_CLOCK = 48000  # positions in opus, whatever rate it is decoded at
TURNED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))

SURROUND = {
    3: "FL+FC+FR",
    4: "FL+FR+BL+BR",
    5: "FL+FC+FR+BL+BR",
    6: "FL+FC+FR+BL+BR+LFE",
    7: "FL+FC+FR+SL+SR+BC+LFE",
    8: "FL+FC+FR+SL+SR+BL+BR+LFE",
}  # the order of Vorbis, and of Opus for surround


@dataclass(frozen=True)
class Page:
    """A page: its place, its header, how long it is, and the first bytes of its body."""

    start: int
    size: int
    flags: int
    position: int
    serial: int
    number: int
    head: bytes
    body: bytes


@dataclass
class Link:
    """The pages of one link, cut into runs wherever pages are missing."""

    runs: list[list[Page]] = field(default_factory=lambda: [[]])

    @property
    def pages(self) -> list[Page]:
        return [page for run in self.runs for page in run]

    @property
    def codec(self) -> bytes:
        """The magic of its codec, where it carries a single stream of vorbis or opus; else nothing."""
        pages = self.pages
        first = pages[0].body if pages else b""
        magic = next((magic for magic in (VORBIS, OPUS) if first.startswith(magic)), b"")
        return magic if len({page.serial for page in pages}) == 1 else b""

    @property
    def headers(self) -> list[Page]:
        """The pages before the first that ends a sample."""
        pages = self.pages
        count = next((i for i, page in enumerate(pages) if page.position > 0), len(pages))
        if self.codec == OPUS:
            count = min(count, 2)
        elif self.codec == VORBIS:
            count = min(count, _pages_of_packets(pages, 3))
        return pages[:count]


def checksum(page: bytes) -> int:
    """Return a page's checksum.

    It is a CRC-32 with the polynomial of zlib's, taken from the other end of each byte, with nothing added before or
    after; so zlib computes it on bytes turned round (RFC 3533, section 6).
    """
    blank = page[:22] + bytes(4) + page[26:]
    crc = zlib.crc32(blank.translate(TURNED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{crc:032b}"[::-1], 2)


def read_ogg(path: str, keep: bool) -> Reading:
    """Say how an ogg file is to be read: each link by itself.

    Raises
    ------
    MediaError
        When a page is cut, has a wrong checksum or is missing, unless ``keep``.
    """
    missing: list[str] = []
    links: list[Link] = []
    last: dict[int, int] = {}  # the number of each stream's last page
    state = {"ended": False}
    sounding = hole = False  # in this link: a page ended a sample; bytes before this page are no page
    for page in _pages(path, keep, missing, state):
        if page is None:
            hole = True
            continue
        if page.flags & FIRST:
            if not links or not links[-1].runs[-1] or not links[-1].runs[-1][-1].flags & FIRST:
                links.append(Link())
                last.clear()
            sounding = hole = False
        elif page.serial not in last:
            what = f"the page at byte {page.start} belongs to no stream that began"
            if not keep:
                raise damage_error(path, None, what)
            missing += [] if missing else [what]
            continue
        elif page.number != last[page.serial] + 1 and sounding:
            # Before the first sound numbers may leap: a radio station sends the headers again, then what is on.
            what = f"pages are missing before byte {page.start}"
            if not keep:
                raise damage_error(path, None, what)
            missing += [] if hole else [what]
            hole = True
        if hole:
            links[-1].runs.append([])
        hole = False
        sounding = sounding or page.position > 0
        last[page.serial] = page.number
        links[-1].runs[-1].append(page)
        state["ended"] = bool(page.flags & LAST)
    return _reading(path, links, "; ".join(missing))


def is_sound_at_both_ends(path: str) -> bool:
    """Say whether a file's first pages are whole, of a codec of music, and end some of its samples; and so its last.

    Pages between them are not looked at.
    """
    with open(path, "rb") as file:
        size, at = file.seek(0, 2), 0
        for number in range(PAGES_OF_HEADERS):
            page, _ = _page_at(file, at, size)
            if page is None or (number == 0 and not page.body.startswith((VORBIS, OPUS))):
                return False
            if page.position > 0:
                break
            at += page.size
        last = _last_page(file, size)
        return last is not None and last.start + last.size == size


def length(path: str) -> float | None:
    """Return how long a file of one link is, in seconds, by the position of its last page; None for several links."""
    with open(path, "rb") as file:
        size = file.seek(0, 2)
        first, _ = _page_at(file, 0, size)
        last = _last_page(file, size)
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            alone = data.find(b"OggS\0" + bytes([FIRST]), 1) < 0
    if first is None or last is None or not alone:
        return None
    rate = OPUS_CLOCK if first.body.startswith(OPUS) else int.from_bytes(first.body[12:16], "little")
    return last.position / rate if rate and last.position > 0 else None


def _last_page(file: BinaryIO, size: int) -> Page | None:
    at = max(0, size - LARGEST_PAGE)
    file.seek(at)
    return _page_at(file, at + file.read().rfind(b"OggS"), size)[0]


def _reading(path: str, links: list[Link], missing: str) -> Reading:
    links = [link for link in links if link.pages]
    if not links:
        return Reading((), missing)
    codecs = [link.codec for link in links]
    if not all(codecs):
        return Reading((Part("ogg" if len(links) == 1 else ""),), missing)
    parts: list[Part] = []
    for link in links:
        parts += _parts(path, link)
    if len(links) == 1 and not missing and _is_regular(path, links[0]):
        parts = [Part("ogg")]
    return Reading(tuple(parts), missing, _layout(links[0]))


def _is_regular(path: str, link: Link) -> bool:
    """Say whether libsndfile reads the link right as it lies."""
    return bool(link.pages[-1].flags & LAST) and (link.codec == VORBIS or _beginning(path, link.codec, link.pages) == 0)


def _layout(link: Link) -> str:
    body = link.pages[0].body
    if link.codec == VORBIS:
        return SURROUND.get(body[11], "") if len(body) > 11 else ""
    return SURROUND.get(body[9], "") if len(body) > 18 and body[18] == 1 else ""


def _pages(path: str, keep: bool, missing: list[str], state: dict[str, bool]) -> Iterator[Page | None]:
    """Yield the pages of a file; None stands for bytes that are no page, where ``keep`` lets them pass."""
    with open(path, "rb") as file:
        size = file.seek(0, 2)
        at = 0
        while at < size:
            page, wrong = _page_at(file, at, size)
            if page is not None:
                yield page
                at += page.size
                continue
            if wrong == "no page" and state["ended"]:
                following = _find_page(file, at, size)
                if following is None:
                    return  # tags that some programs leave behind the music
                at = following
                continue
            following = _find_page(file, at + 1, size)
            if not keep:
                if wrong == "cut" and following is None:
                    raise truncation_error(path, f"{at} whole bytes of {size}")
                raise damage_error(
                    path, None, f"{'wrong checksum of the page' if wrong == 'sum' else 'no page'} at byte {at}"
                )
            missing.append(f"no whole page from byte {at} to {size if following is None else following}")
            yield None
            if following is None:
                return
            at = following


def _page_at(file: BinaryIO, at: int, size: int) -> tuple[Page | None, str]:
    """Return the page at a place, or what is wrong with it."""
    file.seek(at)
    head = file.read(27)
    if head[:4] != b"OggS":
        return None, "cut" if b"OggS".startswith(head[:4]) else "no page"
    table = file.read(head[26]) if len(head) == 27 else b""
    body = file.read(sum(table))
    if len(head) < 27 or len(table) < head[26] or len(body) < sum(table):
        return None, "cut"
    whole = head + table + body
    if checksum(whole) != struct.unpack("<I", head[22:26])[0]:
        return None, "sum"
    flags, position, serial, number = struct.unpack("<BqII", head[5:22])
    return Page(at, len(whole), flags, position, serial, number, head + table, body[:64]), ""


def _find_page(file: BinaryIO, at: int, size: int) -> int | None:
    """Return the place of the next whole page."""
    while at < size:
        file.seek(at)
        data = file.read(1 << 16)
        found = data.find(b"OggS")
        if found < 0:
            at += max(1, len(data) - 3) if len(data) == 1 << 16 else len(data)
            continue
        if _page_at(file, at + found, size)[0] is not None:
            return at + found
        at += found + 1
    return None


def _pages_of_packets(pages: list[Page], packets: int) -> int:
    """Return how many pages the first packets take: a packet ends at a lacing value below 255."""
    for count, page in enumerate(pages, 1):
        packets -= sum(lacing < 255 for lacing in page.head[27:])
        if packets <= 0:
            return count
    return len(pages)


# Parts: runs of pages, put together so that libsndfile reads each like a file of its own


def _parts(path: str, link: Link) -> list[Part]:
    headers = link.headers
    parts = []
    for run in link.runs:
        pages = [page for page in run if page not in headers]
        ends = [i for i, page in enumerate(pages) if page.position > 0]
        if not ends:
            continue
        pages = pages[: ends[-1] + 1]  # what follows ends in the middle of a packet
        begins = _beginning(path, link.codec, [*headers, *pages]) if link.codec == OPUS else 0
        numbered = [replace(page, number=number) for number, page in enumerate([*headers, *pages])]
        pieces = [_piece(path, page, begins, page is numbered[-1]) for page in numbered]
        begins_at = _lost_beginning(link, pages[0], headers) if not parts else None
        clock = OPUS_CLOCK if link.codec == OPUS else 0
        parts.append(Part("ogg", tuple(_merge(pieces)), bool(parts), begins_at, pages[-1].position, clock))
    return parts


def _lost_beginning(link: Link, first: Page, headers: list[Page]) -> int | None:
    """Return the position at which a stream began whose first pages of sound are damaged; None where none were lost.

    Pages that were never there do not count: the numbers leap further than bytes are missing.
    """
    lost, room = first.number - headers[-1].number - 1, first.start - headers[-1].start - headers[-1].size
    if not 0 < lost * SMALLEST_PAGE <= room:
        return None
    return int.from_bytes(headers[0].body[10:12], "little") if link.codec == OPUS else 0  # opus: what is to be skipped


def _piece(path: str, page: Page, begins: int, is_last: bool) -> bytes | tuple[int, int]:
    """Return a page's bytes: those of the file where nothing about it changes."""
    flags = page.flags & ~LAST | (LAST if is_last else 0)
    position = page.position - begins if page.position > 0 else page.position
    head = page.head[:5] + struct.pack("<BqII", flags, position, page.serial, page.number) + page.head[22:]
    if head == page.head:
        return page.start, page.start + page.size
    with open(path, "rb") as file:
        file.seek(page.start + len(head))
        whole = head + file.read(page.size - len(head))
    return whole[:22] + struct.pack("<I", checksum(whole)) + whole[26:]


def _merge(pieces: list) -> list:
    """Return pieces, spans that follow each other as one."""
    merged: list = []
    for piece in pieces:
        if merged and isinstance(piece, tuple) and isinstance(merged[-1], tuple) and merged[-1][1] == piece[0]:
            merged[-1] = (merged[-1][0], piece[1])
        else:
            merged.append(piece)
    return merged


def _beginning(path: str, codec: bytes, pages: list[Page]) -> int:
    """Return the position at which an opus stream's first page of sound begins: its end, less what its packets last.

    libsndfile takes a stream that does not begin at 0 wrongly; it is moved there.
    """
    if codec != OPUS:
        return 0
    first = next((i for i, page in enumerate(pages) if page.position > 0), None)
    if first is None:
        return 0
    lasts = 0
    packet = b""
    for page in pages[2 : first + 1]:
        with open(path, "rb") as file:
            file.seek(page.start + len(page.head))
            body, at = file.read(page.size - len(page.head)), 0
        if page.flags & CONTINUED and not packet:  # its beginning is missing
            skip = next((i for i, lacing in enumerate(page.head[27:]) if lacing < 255), len(page.head) - 28) + 1
        else:
            skip = 0
        for i, lacing in enumerate(page.head[27:]):
            packet += body[at : at + lacing] if i >= skip else b""
            at += lacing
            if lacing < 255:
                lasts += opus_duration(packet)
                packet = b""
    return max(0, pages[first].position - lasts) if not pages[first].flags & LAST else 0


def opus_duration(packet: bytes) -> int:
    """Return how many samples at 48 kHz a packet of Opus lasts (RFC 6716, section 3.1)."""
    if not packet:
        return 0
    mode = packet[0] >> 3
    if mode < 12:
        size = (480, 960, 1920, 2880)[mode & 3]
    elif mode < 16:
        size = (480, 960)[mode & 1]
    else:
        size = (120, 240, 480, 960)[mode & 3]
    frames = (1, 2, 2)[packet[0] & 3] if packet[0] & 3 < 3 else (packet[1] & 0x3F if len(packet) > 1 else 0)
    return size * frames
