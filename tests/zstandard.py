"""Zstandard as tests use it: the standard library's, or its copy for older Pythons."""

import sys

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

__all__ = ["zstd"]
