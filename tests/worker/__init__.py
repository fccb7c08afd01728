"""The worker's parts, one file a module."""
