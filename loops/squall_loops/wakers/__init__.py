"""One way to wake a waiting loop per file; ``choose`` picks the one for this machine."""
