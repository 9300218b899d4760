"""The pieces behind ``squall.httputil``."""
