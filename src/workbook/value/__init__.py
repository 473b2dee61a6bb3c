"""Lifecycle and value of customers."""
