"""One HTML page about one or several runs, which opens from disk and asks for nothing else.

`write_report` writes it, and `beliefnet report` calls that. Text that comes from data is escaped in one place,
`report._html`; what the page computes itself is cheap, and the rest is read from the run folders.
"""

from beliefnet.report._report import Written, write_report

__all__ = ["Written", "write_report"]
