"""The contract over a host's own public calls, as short as it can be: the material of stand-alone scripts (``squall repro``).

These are no adapters for programs (``squall_loops.hosts`` has those): a script shows that a loop itself breaks a rule, so
as little as possible may stand between the clause and the loop.
"""
