"""The conformance kit: says, clause by clause, what holds for any event loop."""
