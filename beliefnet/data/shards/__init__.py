"""Data sets in many files, more than memory holds: which files, what is in them, and their rows in windows."""
