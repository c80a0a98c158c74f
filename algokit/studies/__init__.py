"""Questions that need many runs: scaling laws of scores, and what to spend compute on. NumPy only."""
