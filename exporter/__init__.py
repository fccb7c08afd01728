"""Owns each record from the worker's pipe until every sink has it."""
