"""Stage 4: measures against problems and the action plan."""
