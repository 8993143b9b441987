"""Losses for NumPyro's SVI, of models and guides of any kind; discrete latents get the gradients that are claimed."""

from beliefnet.numpyro._bounds import OVIS, TVO, VIMCO, DReG
from beliefnet.numpyro._nvil import NVIL
from beliefnet.numpyro._reinforce import Reinforce
from beliefnet.numpyro._wake_sleep import ReweightedWakeSleep, WakeSleep

__all__ = ["NVIL", "OVIS", "TVO", "VIMCO", "DReG", "Reinforce", "ReweightedWakeSleep", "WakeSleep"]
