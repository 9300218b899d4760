"""Clauses of the profile ``kernel``. They import the contract, the stage and the standard library only."""
