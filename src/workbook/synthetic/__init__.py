"""Invented deliveries whose truth is known."""
