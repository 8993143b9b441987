"""Runs of before go on: nets and estimators are described as they were when their checkpoints were made."""

import jax
import pytest

from beliefnet.distributions import normal
from beliefnet.estimators import IWAE, NVIL, SGVB, VIMCO
from beliefnet.nets import document_net, sigmoid_belief_net, vae
from beliefnet.runs._structure import describe, fingerprint

KEY = jax.random.key(0)
SBN = sigmoid_belief_net(6, (4, 3), key=KEY)
VAE = vae(6, (4, 3), deterministic=(5,), key=KEY)
MADE = {
    "sigmoid belief net": lambda: SBN,
    "autoencoder": lambda: VAE,
    "document net": lambda: document_net(6, (4,), latents=normal, key=KEY),
    "NVIL": lambda: NVIL(SBN, key=KEY),
    "VIMCO": lambda: VIMCO(5),
    "IWAE": lambda: IWAE(VAE, 5),
    "SGVB": lambda: SGVB(VAE, 1),
}
"""A few of each kind, whose structure other parts share."""
FINGERPRINTS = {
    "sigmoid belief net": "03d083fdcc064c1e",
    "autoencoder": "7c38e180c3267369",
    "document net": "ba5b7a6d46a14200",
    "NVIL": "eaee09bb48d5ab1c",
    "VIMCO": "0f0fb298a608d7b8",
    "IWAE": "e3490095859c618a",
    "SGVB": "cb87e9d13e8e35cf",
}


@pytest.mark.parametrize("name", MADE)
def test_a_structure_is_that_of_earlier_runs(name):
    """Another fingerprint means that no run of before can be resumed: a change for a new version, in CHANGELOG.md."""
    assert fingerprint(describe(MADE[name]())) == FINGERPRINTS[name]
