"""What callers of a deployed platform run: the smoke test of an endpoint, and a proxy for browsers."""
