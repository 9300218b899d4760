"""The pieces behind :mod:`squall.gen`."""
