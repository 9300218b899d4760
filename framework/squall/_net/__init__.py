"""The pieces behind ``squall.netutil``: listening, names, TLS settings."""
