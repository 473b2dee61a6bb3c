"""The run: which notebooks, in which order, executed how, and published whole or not at all."""
