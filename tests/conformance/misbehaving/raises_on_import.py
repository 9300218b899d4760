"""Misbehaves while it is imported."""

raise LookupError("no engine room")
