"""Loops that own the thread: each implements the contract over a host's own loop."""
