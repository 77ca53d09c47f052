"""``python -m n2s`` is ``n2s``."""

from n2s.cli import main

if __name__ == "__main__":
    main()
