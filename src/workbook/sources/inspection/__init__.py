"""What a folder of a client's files holds: readings, tables and columns proposed with confidence and reason (D1)."""
