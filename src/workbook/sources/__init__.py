"""Stage 2: a client's files become canonical tables that can be trusted."""
