"""One HTML page about one or several runs, which opens from disk and asks for nothing else.

`write_report` writes it, and `beliefnet report` calls that; `Live` shows a run while it trains. Text that comes from
data is escaped in one place, `report._html`; what the page computes itself is cheap, and the rest is read from the run
folders.
"""

from beliefnet.report._live import Live
from beliefnet.report._report import Written, write_report
from beliefnet.report._server import check_port

__all__ = ["Live", "Written", "check_port", "write_report"]
