"""Kentik's side, written from what its receivers do: a reader of flow messages and a server."""
