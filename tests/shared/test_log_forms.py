"""A line of log: one line an event whatever is in it, JSON that can be read, and a form that fits where it goes."""

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import logs
from shared.log_forms import form_of, line, sentence

FIELDS = st.dictionaries(st.from_regex(r"\A[a-z_]{1,9}\Z"), st.none() | st.integers() | st.text(), max_size=4)
LEVEL = st.sampled_from(["trace", "debug", "info", "warning", "error"])


@given(level=LEVEL, event=st.text(), fields=FIELDS)
def test_json_is_one_line_and_says_it_all(capsys_once, level, event, fields):
    written = capsys_once(lambda: logs.to_stderr(line("json", "worker", level, event, fields)))
    assert written.count("\n") == 1
    assert written[:-1].isprintable()
    told = json.loads(written)
    told.pop("time")
    present = {name: value for name, value in fields.items() if value is not None}
    assert told == {"level": level, "process": "worker", "event": event, **present}


@given(form=st.sampled_from(["text", "journal"]), level=LEVEL, event=st.text(), fields=FIELDS)
def test_any_other_form_is_one_line_too(capsys_once, form, level, event, fields):
    written = capsys_once(lambda: logs.to_stderr(line(form, "worker", level, event, fields)))
    assert written.count("\n") == 1
    assert written[:-1].isprintable()


@pytest.fixture(scope="module")
def capsys_once():
    """What one call prints to stderr; hypothesis does not have pytest's own for each example."""
    import contextlib
    import io

    def printed(call):
        with contextlib.redirect_stderr(io.StringIO()) as stream:
            call()
        return stream.getvalue()

    return printed


def test_the_journal_is_told_the_priority_and_no_time():
    assert line("journal", "exporter", "warning", "sink failed", {"sink": "a b", "none": None}) == (
        "<4>exporter: sink failed sink='a b'"
    )
    assert sentence("journal", "error", "not root") == "<3>flowherd: not root"
    assert sentence("text", "error", "not root") == "flowherd: not root"


def test_the_journal_is_found_by_what_stderr_is():
    seen = os.fstat(2)
    stream = f"{seen.st_dev}:{seen.st_ino}"
    assert form_of("auto", {"JOURNAL_STREAM": stream}) == "journal"
    assert form_of("auto", {"JOURNAL_STREAM": f"{stream}0"}) == form_of("auto", {}) == "text"
    assert form_of("json", {"JOURNAL_STREAM": stream}) == "json"
