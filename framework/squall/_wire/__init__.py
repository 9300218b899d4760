"""Bytes to events and events to bytes, without sockets, clocks, threads, loggers or loops."""
