"""Code in C for what XLA does slowly on a processor: it is compiled where it is used, and never needed."""

from beliefnet.native._library import native_code

__all__ = ["native_code"]
