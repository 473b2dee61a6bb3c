"""Stages 1 and 6: goals and KPIs, the review, and the next period's parameters."""
