"""Running one clause where it can do no harm: in a process of its own, under a watchdog that is not the loop under test."""
