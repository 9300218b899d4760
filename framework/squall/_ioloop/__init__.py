"""The pieces behind :mod:`squall.ioloop`."""
