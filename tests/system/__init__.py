"""The whole flowherd, as a user starts it."""
