"""``squall bench``: how fast a loop is, as figures beside asyncio's and uvloop's in the same run.

Machines differ, so the figures are read by their ratios. Every measurement is a process of its own
(:mod:`squall_conformance.bench.measure`), the subjects take turns over several rounds, and the median of the rounds counts.
"""

from squall_conformance.bench.session import run

__all__ = ["run"]
