"""What is judged: one clause, one function, one rule id."""
