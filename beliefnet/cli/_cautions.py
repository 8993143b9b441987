"""What is said of options that can be used, and do less together than they seem to."""

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
