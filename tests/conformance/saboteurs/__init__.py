"""Broken loops: each is correct but for one defect, and proves that a clause can fail."""
