"""Batches as Kentik's flow messages: bytes in, bytes out, no I/O (step 10). Begin reading at `body.py`."""
