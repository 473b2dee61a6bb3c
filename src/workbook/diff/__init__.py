"""What changed between two published results: key figures, tables and blocks, and why. Reads what was published, no methods."""
