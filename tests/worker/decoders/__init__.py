"""The decoders, each on bytes alone."""
