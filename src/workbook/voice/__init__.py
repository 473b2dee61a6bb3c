"""The voice of the customer: satisfaction with its intervals."""
