"""Stage 3: what is wrong in the five modules of customer relationship management, and the problem list."""
