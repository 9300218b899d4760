"""Squall's event loops: one contract, a loop of our own over several kernel calls, and hosts that own the thread."""
