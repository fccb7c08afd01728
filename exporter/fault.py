"""Pure: a sink's failure as one sentence for people, whatever its library raised (step 10)."""

import errno
import json
import os
import re
from pathlib import Path

FULL = (os.strerror(errno.ENOSPC), os.strerror(errno.EDQUOT))
WRAPPED = re.compile(r'\{"exception_type".*\}$')  # DuckDB's threads hand their errors on like this
NAMED = re.compile(r'file "(/[^"]+)"')


def in_words(error: Exception, place: str) -> str:
    """`place`: where the sink writes, if the error does not say which file it was."""
    text = _unwrapped(" ".join(str(error).split())) or type(error).__name__
    file = _file_of(error, text)
    if any(why in text for why in FULL):
        where = str(Path(file).parent) if file else place
        return f"no room is left on the disk of {where}; make some, or choose another place"
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{file}: {error.strerror.lower()}"
    return text


def _unwrapped(text: str) -> str:
    found = WRAPPED.search(text)
    if not found:
        return text
    try:
        return str(json.loads(found[0])["exception_message"])
    except (ValueError, KeyError):
        return text


def _file_of(error: Exception, text: str) -> str:
    if isinstance(error, OSError) and error.filename:
        return os.fsdecode(error.filename)
    found = NAMED.search(text)
    return found[1] if found else ""
