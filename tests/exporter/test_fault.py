"""Whatever a sink's library raises becomes one sentence."""

import errno
import os

import pytest

from exporter.disk import replace_file
from exporter.fault import in_words

ASYNC = (
    'IO Error: Async write failed for range [offset=492542, size=2068459]: {"exception_type":"IO",'
    '"exception_message":"Could not write file \\"/var/lib/store/a.tmp\\": %s","errno":"28"}'
)
FULL = "no room is left on the disk of /var/lib/store; make some, or choose another place"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ValueError(ASYNC % "No space left on device"), FULL),
        (
            ValueError(ASYNC % "Input/output error"),
            'Could not write file "/var/lib/store/a.tmp": Input/output error',
        ),
        (ValueError('IO Error: Could not write file "/var/lib/store/a.tmp": No space left on device'), FULL),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/var/lib/store/manifest.json"), FULL),
        (
            OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
            FULL.replace("/var/lib/store", "/log/flows.jsonl"),
        ),
        (OSError(errno.EDQUOT, os.strerror(errno.EDQUOT), b"/var/lib/store/x"), FULL),
        (OSError(errno.EROFS, os.strerror(errno.EROFS), "/a/b"), "/a/b: read-only file system"),
        (ConnectionRefusedError(111, "Connection refused"), "[Errno 111] Connection refused"),
        (ValueError("two\n lines"), "two lines"),
        (ValueError('{"exception_type"} that is none}'), '{"exception_type"} that is none}'),
        (KeyError(), "KeyError"),
    ],
)
def test_one_sentence(error, sentence):
    assert in_words(error, "/log/flows.jsonl") == sentence


def test_a_file_that_finds_no_room_is_named(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("exporter.disk.write_all", full)
    with pytest.raises(OSError, match=r"manifest\.json") as raised:
        replace_file(tmp_path / "manifest.json", b"{}", durable=False)
    assert raised.value.errno == errno.ENOSPC
