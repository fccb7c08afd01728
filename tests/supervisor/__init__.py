"""Tests of the supervisor: pure parts by table, the rest with real processes."""
