"""The commands, thin: each finds its words here and its work elsewhere. Heavy imports stand inside the commands."""
