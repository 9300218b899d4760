"""The loop we own: it waits by any poller and keeps every promise of the contract itself."""
