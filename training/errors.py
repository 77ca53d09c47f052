"""What goes wrong here is said in a sentence, with the way out."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable


class TrainingError(Exception):
    """Something the user can mend; the message says what and how."""


def run_command(main: Callable[[], None]) -> None:
    """Run a command's `main`: a mendable failure is one line and exit code 1, Ctrl-C is 130, a full disk is named."""
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
        print(
            f"error: the disk is full ({where}). What is finished is kept; make room and run the same command again.",
            file=sys.stderr,
        )
        sys.exit(1)
    except KeyboardInterrupt:
        print("Interrupted. What is finished is kept; run the same command again to go on.", file=sys.stderr)
        sys.exit(130)
