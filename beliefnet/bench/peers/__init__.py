"""The peers: what each can express, and which module runs it; a module is imported in a process of its own."""

from beliefnet.bench.peers._registry import PEERS, Peer

__all__ = ["PEERS", "Peer"]
