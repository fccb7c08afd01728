"""The three kinds of error and their exit codes: configuration, usage, failure; all else is a bug."""

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of every flowherd process (sysexits.h for 78)."""

    DONE = 0
    FAILURE = 1
    USAGE = 2
    CONFIGURATION = 78


class FlowherdError(Exception):
    """A sentence for the user that names the thing and the remedy; the process ends with `code`."""

    code = Exit.FAILURE


class ConfigurationError(FlowherdError):
    """A setting is wrong: restarting does not help."""

    code = Exit.CONFIGURATION


class UsageError(FlowherdError):
    """The command line is wrong."""

    code = Exit.USAGE
