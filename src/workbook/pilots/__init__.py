"""Stage 5: pilots, from design to decision."""
