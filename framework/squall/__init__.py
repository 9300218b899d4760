"""Squall: an asynchronous web framework that runs over interchangeable event loops."""

version = "0.1.0"
version_info = (0, 1, 0, 0)
