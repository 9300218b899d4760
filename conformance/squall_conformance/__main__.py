"""``python -m squall_conformance``: the same as the command ``squall``."""

import sys

from squall_conformance.cli import main

if __name__ == "__main__":
    sys.exit(main())
