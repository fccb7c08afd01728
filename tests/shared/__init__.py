"""What all processes share."""
