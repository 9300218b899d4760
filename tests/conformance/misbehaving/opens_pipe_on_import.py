"""Opens a pipe while it is imported, which all forks would share."""

import os

from misbehaving.loops import good as make

PIPE = os.pipe()
__all__ = ["make"]
