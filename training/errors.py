"""What goes wrong here is said in a sentence, with the way out."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable

# How to go on after an interruption, for commands that keep what they have finished, and for all others.
KEPT = "What is finished is kept; run the same command again to go on."
ANEW = "Run the same command again; it begins anew."


class TrainingError(Exception):
    """Something the user can mend; the message says what and how."""


def run_command(main: Callable[[], None], onward: str = ANEW) -> None:
    """Run a command's `main`: a mendable failure is one line and exit code 1, Ctrl-C is 130, a full disk is named.

    ``onward`` says what of an interrupted command is kept, and how to go on.
    """
    try:
        main()
    except TrainingError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    except (OSError, RuntimeError) as error:
        full = getattr(error, "errno", None) in (
            errno.ENOSPC,
            errno.EDQUOT,
        ) or "PytorchStreamWriter failed writing" in str(error)
        if not full:
            raise
        where = getattr(error, "filename", None) or "while writing"
        print(f"error: the disk is full ({where}). Make room. {onward}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print(f"Interrupted. {onward}", file=sys.stderr)
        sys.exit(130)
