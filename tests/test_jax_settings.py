"""The strict settings of JAX: draws, training steps of every kind of estimator, and evaluations work under each."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import MEAN, OBSERVATIONS

import beliefnet
from beliefnet._numerics import broadcasting
from beliefnet.data import Dataset
from beliefnet.estimators import (
    NVIL,
    REBAR,
    SGVB,
    VIMCO,
    DisARM,
    VariationalEM,
    reweighted_wake_sleep,
)
from beliefnet.evaluation import Search, evaluate, impute
from beliefnet.nets import darn, fully_visible_net, sigmoid_belief_net, vae
from beliefnet.refiners import AIR
from beliefnet.training import FitOptions, fit

KEY = jax.random.key(0)
SETTINGS = {
    "rank promotion": lambda: jax.numpy_rank_promotion("raise"),
    "debug infs": lambda: jax.debug_infs(True),
    "debug nans": lambda: jax.debug_nans(True),
    "x64": lambda: jax.enable_x64(True),
    "leaks": jax.checking_leaks,
}


def sbn():
    return sigmoid_belief_net(3, (3, 2), key=KEY, input_mean=MEAN, visible_mean=MEAN)


def normal_net():
    return vae(3, (2,), deterministic=(4,), key=KEY, input_mean=MEAN, visible_mean=MEAN)


STRICTEST = ("rank promotion", "x64")
ESTIMATORS = {
    "vimco": (sbn, lambda net: VIMCO(3)),
    "nvil": (sbn, lambda net: NVIL(net, key=KEY)),
    "rws": (lambda: darn(3, (2,), key=KEY, autoregressive_recognition=True), lambda net: reweighted_wake_sleep(2)),
    "disarm": (sbn, DisARM),
    "rebar": (sbn, REBAR),
    "em": (sbn, lambda net: VariationalEM(AIR(2, 3), 2)),
    "sgvb": (normal_net, SGVB),
}


@pytest.mark.full(but=["vimco-rank promotion", "vimco-debug infs", "vimco-debug nans", "vimco-x64", "vimco-leaks"])
@pytest.mark.parametrize(
    ("name", "setting"),
    [(name, setting) for name in ESTIMATORS for setting in SETTINGS if name in ("vimco", "em") or setting in STRICTEST],
)
def test_a_step_of_every_kind(name: str, setting: str):
    make_net, make_estimator = ESTIMATORS[name]
    with SETTINGS[setting]():
        net = make_net()
        estimator = make_estimator(net)
        estimate = eqx.filter_jit(estimator.estimate)(net, OBSERVATIONS, estimator.init(net), key=KEY)
        assert np.isfinite(estimate.objective)


@pytest.mark.full
@pytest.mark.parametrize("setting", SETTINGS)
def test_draws_and_evaluations(setting: str):
    x = np.asarray(OBSERVATIONS)
    with SETTINGS[setting]():
        for net in (sbn(), fully_visible_net(3, visible_mean=MEAN)):
            draw = net.infer(jnp.asarray(x), 2, key=KEY)
            assert np.isfinite(net.log_weight(jnp.asarray(x), draw.values)).all()
            assert net.dream((4,), key=KEY)[0].shape == (4, 3)
            assert beliefnet.sample_means(net, (4,), key=KEY).shape == (4, 3)
            assert beliefnet.reconstruct(net, x, key=KEY).shape == (3, 3)
            assert np.isfinite(evaluate(net, x, num_particles=40, key=KEY).bound.mean)
        missing = np.where(np.eye(3, dtype=bool), np.nan, x)
        filled = impute(sbn(), missing, search=Search(4, 2, 1, AIR(2, 3)), key=KEY)
        assert np.isfinite(filled.means).all()


@pytest.mark.full
@pytest.mark.parametrize("setting", SETTINGS)
def test_a_short_training(setting: str):
    bits = np.random.default_rng(0).integers(0, 2, (24, 3)).astype(np.uint8)
    with SETTINGS[setting]():
        data = Dataset.from_arrays(bits, bits[:8], bits[:8])
        net = sbn()
        fitted = fit(net, data, VIMCO(2), options=FitOptions(epochs=1, batch_size=8))
        assert np.isfinite(fitted.best_bound)


def test_a_users_own_broadcasting_is_still_found():
    with jax.numpy_rank_promotion("raise"):
        assert broadcasting(jnp.add)(jnp.ones((2, 3)), jnp.ones(3)).shape == (2, 3)
        with pytest.raises(ValueError, match="rank_promotion"):
            jnp.ones((2, 3)) + jnp.ones(3)
