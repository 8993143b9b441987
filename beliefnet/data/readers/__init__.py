"""Readers of file formats: bytes in, rows or texts out; what a path holds is decided in `_contents`."""
