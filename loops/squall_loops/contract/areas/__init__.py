"""The rules, one file an area."""
