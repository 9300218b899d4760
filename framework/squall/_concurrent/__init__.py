"""The pieces behind :mod:`squall.concurrent`."""
