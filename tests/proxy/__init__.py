"""The proxy as a process of its own, with real clients and servers on loopback."""
