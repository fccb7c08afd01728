"""The exporter: real processes, real pipes."""
