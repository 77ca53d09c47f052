"""Names of films: a path relative to --out that every system can have, with an ending that says what is in the file."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import PurePath

from n2s.graph.wording import listed

LONGEST = 255  # bytes of one name on the usual file systems


def temporary_bytes(ending: str) -> int:
    """Return what publishing adds to a name while the file is written: dots, the process, a random word, an ending."""
    return len(".") + len(".4194304") + len(".01234567") + len(".tmp") + max(len(ending.encode()), len(".list"))


_ELSEWHERE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")  # a drive, a protocol
_NOWHERE = re.compile(r'[:<>"|?*\x7f-\x9f]|[\x00-\x1f]')
_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE)


def name_problem(path: str, writer: str, endings: Sequence[str] = (), is_folder: bool = False) -> str:
    """Say what is wrong with the path of a film; nothing when it may be written.

    Parameters
    ----------
    writer : str
        What writes the film, for messages: "FFmpegSink".
    endings : sequence of str
        The endings that it writes, like ".mp4"; none stands for any.
    is_folder : bool
        Whether the film is a folder.
    """
    pure = PurePath(path)
    refused = f'"{path}" may not be written: '
    if path and (not pure.name or (path.endswith("/") and not is_folder)):
        return f"{refused}it names a folder, and a film needs the name of {'its own' if is_folder else 'a file'}."
    if not path or pure.is_absolute() or ".." in pure.parts or "\\" in path or _ELSEWHERE.match(path):
        return f"{refused}a film's path is relative to --out and stays inside it."
    if pure.parts[0] == "~":
        return f'{refused}a film\'s path is relative to --out; "~" is not read there.'
    for part in pure.parts:
        if found := _NOWHERE.search(part):
            return f"{refused.replace(found[0], repr(found[0])[1:-1])}not every system can have {found[0]!r} in a name."
        if part != part.rstrip(". "):
            end = "dot" if part.endswith(".") else "space"
            return f'{refused}"{part}" ends with a {end}, which not every system keeps.'
        if _DEVICES.fullmatch(part):
            return f'{refused}"{part}" is the name of a device on some systems.'
        try:
            length = len(part.encode())
        except UnicodeEncodeError:
            return f"{refused!a}it is not Unicode."
        if length > (most := LONGEST - (temporary_bytes(pure.suffix) if part == pure.name else 0)):
            shown = part if len(part) <= 40 else f"{part[:37]}…"
            return f'"{shown}" is too long a name: it has {length} bytes, and at most {most} are possible.'
    if endings and pure.suffix.lower() not in endings:
        written = listed(endings)
        return f"{refused}{writer} writes {written}, {f'not {pure.suffix}' if pure.suffix else 'and it has no ending'}."
    return ""


def same_place(path: str | PurePath) -> tuple[str, ...]:
    """Return a path as some file systems compare it: in one case, with composed characters."""
    return tuple(
        unicodedata.normalize("NFC", unicodedata.normalize("NFC", part).casefold()) for part in PurePath(path).parts
    )


def collision(path: str | PurePath, others: Iterable[str | PurePath]) -> str:
    """Return the first of some paths that cannot be written beside this one: the same, or a folder on its way."""
    wanted = same_place(path)
    for other in others:
        there = same_place(other)
        shared = min(len(wanted), len(there))
        if wanted[:shared] == there[:shared]:
            return str(other)
    return ""
