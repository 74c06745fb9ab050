"""The real application, as a user starts it."""
