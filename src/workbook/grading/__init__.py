"""Grading customers: indices, weights, normalisation, tiers, RFM and migration."""
