"""The exporter's log lines, to stderr."""

from shared.logs import Log

log = Log("exporter")
