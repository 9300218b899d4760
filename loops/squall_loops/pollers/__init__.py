"""One kernel call that waits per file; ``choose`` picks the one for this machine."""
