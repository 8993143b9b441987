"""What is said of options that can be used, and do less together than they seem to."""

from beliefnet._net import BeliefNet
from beliefnet.conditionals import has_convolutions
from beliefnet.optimizers import default_learning_rate
from beliefnet.training import FitOptions


def schedule_cautions(options: FitOptions) -> list[str]:
    """Return a sentence for each option of a schedule that never has the whole of its effect in a run."""
    said = []
    if options.schedule == "plateau" and 0 < options.patience <= options.plateau_epochs:
        said.append(
            f"--patience {options.patience} stops before smaller steps can help, which --schedule plateau takes after "
            f"{options.plateau_epochs} epochs; try --patience {3 * options.plateau_epochs}"
        )
    if options.kl_warm_up > options.epochs:
        said.append(
            f"in {options.epochs} of --kl-warm-up {options.kl_warm_up} epochs the weight of the KL divergence stays "
            "below 1"
        )
    if options.learning_rate_warm_up > options.epochs:
        said.append(
            f"in {options.epochs} of --learning-rate-warm-up {options.learning_rate_warm_up} epochs step sizes stay "
            "below what was asked for"
        )
    return said


def rate_cautions(options: FitOptions, net: BeliefNet, num_steps: int) -> list[str]:
    """Return a sentence if the step size can be too large for the net."""
    usual, rate = default_learning_rate(net, num_steps), options.learning_rate or 0
    if not has_convolutions(net) or rate <= usual:
        return []
    return [
        f"--learning-rate {rate} can be too large for convolutions: if the bound stays where the first epoch leaves "
        f"it, the decoder has learnt to ignore the latents; try --learning-rate {usual}"
    ]
