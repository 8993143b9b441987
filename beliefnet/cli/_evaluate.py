"""beliefnet evaluate: the bounds and the likelihood of a trained net."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import jax
from cyclopts import Parameter

from beliefnet import proposals
from beliefnet._errors import OptionError
from beliefnet._net import BeliefNet
from beliefnet.catalogue import PROPOSALS
from beliefnet.cli._app import command
from beliefnet.cli._flags import AS_IN_TRAINING, HowRead
from beliefnet.cli._options import check_counts, plain, with_error
from beliefnet.cli._progress import progress
from beliefnet.cli._rows import Split, chosen_rows
from beliefnet.cli._run import Run, chosen_proposal, described, in_words, open_run
from beliefnet.cli._text import report, say, show_table, tell
from beliefnet.cli._tracking import Tracking
from beliefnet.conditionals import in_bfloat16
from beliefnet.data import Observations
from beliefnet.evaluation import Evaluation, Mean, RefinementGain, evaluate, refinement_gain
from beliefnet.proposals import AbstractProposal, Recognition, Refined
from beliefnet.tracking import evaluation_figures
from beliefnet.training import Stream, stream

_MOST_LISTED = 8
_FEW_WEIGHTS = 2

Found: TypeAlias = Evaluation | RefinementGain
Precision: TypeAlias = Literal["float32", "bfloat16"]


@command(name="evaluate")
def evaluate_run(
    directory: Annotated[Path, Parameter(name="DIR")],
    /,
    *,
    split: Split | None = None,
    particles: int = 1000,
    refine: str | None = None,
    ais: int | None = None,
    proposal: str | None = None,
    data: str | None = None,
    limit: int | None = None,
    seed: int = 0,
    precision: Precision = "float32",
    tensorboard: Annotated[bool, Parameter(negative=())] = False,
    mlflow: str | None = None,
    reading: HowRead = AS_IN_TRAINING,
) -> None:
    """Estimate ELBO, K-particle bound and negative log-likelihood of a trained net, with standard errors.

    Results for a whole split of the run's own data are kept in the run folder, one for each split, K and proposal; the
    newest one with the run's own proposal is evaluation.json as well.

    Args:
        directory: Run folder of `beliefnet train`, or of `fit` in Python.
        split: Part of the data, the test split by default; of a .npz file, the array.
        particles: Particles per datum, K; memory does not grow with it.
        refine: Refine the posterior of every datum first: air, gdir (normal latents), mean-passing, straight-through,
            concrete, or learned (of a run that has learnt it), with options as in air:steps=20,samples=20,rate=0.1. By
            default as in training; none for the recognition net alone.
        ais: Anneal every particle from there to the posterior, over so many temperatures (annealed importance
            sampling); a few particles then do, such as --particles 10 --ais 500.
        proposal: Where particles come from, in the place of --refine and --ais: a name with its options, as in
            annealed:temperatures=500,schedule=sigmoidal or defensive:every=2,refine=air.
        data: Another data set than the one the net was trained on, or a file, all rows of which are scored.
        limit: Use only so many examples, spread evenly over the split (it may be sorted by class).
        seed: Seed of the draws.
        precision: bfloat16 multiplies numbers rounded to 8 bits, and adds in single precision: about two thirds of the
            time where the processor has such products. The result is shown, and not kept in the run folder.
        tensorboard: Record the figures in event files in the run folder, as `beliefnet train` does.
        mlflow: An MLflow server or store to record the figures in, beside what `beliefnet train` recorded there.
        reading: How a file is read, where the run's own data were read in another way.
    """
    check_counts(particles=particles, limit=limit, ais=ais, seed=seed)
    is_single = precision == "float32"
    tracking, is_whole = Tracking(tensorboard, mlflow), limit is data is None and is_single
    run = open_run(directory)
    if tracking.words and (run.folder.is_file or not is_whole):
        raise OptionError(
            f"expected a run folder and a whole split of its own data to record, got {tracking.words.strip()} with "
            f"{'a file of a net' if run.folder.is_file else '--limit, --data or --precision'}",
            f"leaving {tracking.words.split()[0]} out",
        )
    tracking.check()
    chosen = chosen_rows(run, data, split, reading)
    if not run.net.layer_sizes:
        particles = 1
        _check_exact(refine=refine, ais=ais, proposal=proposal)
    source = chosen_proposal(run, refine, ais, proposal)
    net = run.net if is_single else in_bfloat16(run.net)
    rows = chosen.spread(limit)
    is_own = refine is ais is proposal is None
    with tracking.of(run.folder) as trackers, _products(is_single=is_single):
        found = _evaluated(net, rows, source, particles, seed, title=chosen.split)
        figures = evaluation_figures(
            {**found.to_dict(), "split": chosen.split}, proposal="" if is_own else in_words(source)
        )
        for tracker in trackers:
            tracker.log(figures, step=_step_of(run))
    about = {
        "proposal": described(source),
        "ais": ais,
        "seed": seed,
        "best_epoch": run.best_epoch,
        "precision": precision,
    }
    result = plain({"data": chosen.data, "split": chosen.split, **found.to_dict(), **about})
    # Shown first: a folder that cannot be written must not cost a long evaluation.
    report(result)
    _show(found, chosen.place, run)
    _show_source(found, source)
    if is_whole:
        _keep(run, result, is_own=is_own)


def _products(*, is_single: bool) -> AbstractContextManager[None]:
    """Have products computed in single precision: by default JAX multiplies in TF32 on some GPUs."""
    return jax.default_matmul_precision("highest" if is_single else "default")


def _step_of(run: Run) -> int:
    """Return the step after which the net was found."""
    rows = {row["epoch"]: row["step"] for row in run.folder.read_metrics()}
    return rows.get(run.best_epoch, run.stamp.step)


def _check_exact(**given: str | int | None) -> None:
    """Check that nothing but the recognition net is asked for where there are no latents to draw."""
    for name, value in given.items():
        if value not in (None, "none", "recognition"):
            raise OptionError(
                f"expected no --{name} for a net without latents, whose likelihood is exact, got {value}",
                f"leaving --{name} out",
            )


def _evaluated(
    net: BeliefNet, rows: Observations, source: AbstractProposal, particles: int, seed: int, *, title: str
) -> Found:
    """Evaluate the net; where its posterior is refined, with that of the recognition net as well."""
    num_passes = 2 if type(source) is Refined else 1
    with progress(f"{title}, {particles} particles", num_passes * len(rows)) as shown:
        how: dict[str, Any] = {
            "num_particles": particles,
            "key": stream(seed, Stream.EVALUATION),
            "progress": shown.update,
        }
        match source:
            case Refined(refiner=refiner):
                return refinement_gain(net, rows, refiner, **how)
        return evaluate(net, rows, proposal=source, **how)


def _keep(run: Run, result: dict[str, Any], *, is_own: bool) -> None:
    """Keep a result beside those of other splits, K and proposals, and say what is kept of this net."""
    if run.folder.is_file:
        say("results are kept in run folders: of a net's file they are shown alone")
        return
    where = run.folder.write_evaluation(result, run.stamp, is_main=is_own)
    say(f"written to {run.folder.evaluation_file if is_own else where}")
    kept = [result.content for result in run.folder.read_results("evaluation") if result.is_current]
    say(f"evaluations of this net that are kept in {run.folder.results}:")
    for one in kept[-_MOST_LISTED:]:
        nll = Mean(**one["nll"]) if one["nll"]["stderr"] is not None else Mean(one["nll"]["mean"], float("nan"))
        source = _name(one["proposal"]) if one["ais"] is None else f"{one['ais']} temperatures"
        say(f"  {one['split']}, {one['num_particles']} particles, {source}: NLL {' +- '.join(with_error(nll))}")


def _name(proposal: str) -> str:
    """Return the name of a kept proposal, which was written by its class."""
    own = proposal.partition("(")[0]
    return next((name for name, entry in PROPOSALS.items() if entry.make is getattr(proposals, own, None)), own)


def _show(found: Found, place: str, run: Run) -> None:
    """Print what was measured; where the posterior was refined, beside the same of the recognition net."""
    match found:
        case RefinementGain(refined=result, recognition=recognition):
            own = {name: (mean, stderr) for name, mean, stderr in _rows(recognition, run.net.layer_sizes)}
        case Evaluation() as result:
            own = None
    title = f"{place}, {result.num_examples} examples (nats per example)"
    rows = list(_rows(result, run.net.layer_sizes)) if run.net.layer_sizes else [_exact(result)]
    header = ("quantity", "mean", "stderr")
    if own is not None:
        header = ("quantity", "refined", "stderr", "recognition", "stderr")
        rows = [(*row, *own.get(row[0], ("", ""))) for row in rows]
    show_table(header, rows, title=title, words=("quantity",))
    if result.untrusted:
        tell(
            f"The weights of {100 * result.untrusted:.0f} % of the data have too heavy a tail (k-hat): "
            "there, more particles would still raise the bound and lower the NLL."
        )


def _show_source(found: Found, source: AbstractProposal) -> None:
    """Say where particles came from, and what is to be known of it."""
    match found:
        case RefinementGain(refined=result, elbo=elbo, bound=bound):
            changes = (f"{gain.mean:+.3f} +- {gain.stderr:.3f}" for gain in (elbo, _minus(bound)))
            tell("refinement changed the ELBO by {} and the NLL by {} (datum by datum)".format(*changes))
            if found.verdict:
                tell(found.verdict)
        case Evaluation() as result:
            pass
    share = result.defensive_share
    some = "" if share is None else f", {100 * share:.0f} % from the recognition net, all weighed by the mixture"
    tell(f"particles of {in_words(source)}{some}")
    match source:
        case Refined(refiner=refiner) if refiner.caveat:
            tell(refiner.caveat)
    is_other = source != Recognition()
    if is_other and result.distinct_weights is not None and result.distinct_weights < _FEW_WEIGHTS:
        tell(
            f"Their draws are nearly all the same (they repeat as {result.distinct_weights:.1f} equally frequent ones "
            "would): the effective sample size and k-hat cannot tell what they miss; compare with --refine none."
        )


def _minus(value: Mean) -> Mean:
    return Mean(-value.mean, value.stderr)


def _exact(result: Evaluation) -> tuple[str, str, str]:
    return ("NLL, exact", *with_error(result.nll))


def _rows(result: Evaluation, sizes: tuple[int, ...]) -> Iterator[tuple[str, str, str]]:
    """Yield name, mean and standard error of what was measured."""
    count = result.num_particles
    yield "ELBO", *with_error(result.elbo)
    yield f"bound, {count} particles", *with_error(result.bound)
    for rung, nll in result.ladder.items():
        yield f"NLL, {rung} particles", *with_error(nll)
    yield f"effective sample size of {count}", *with_error(result.ess)
    for scored, by in ((result.elbo_perplexity, "ELBO"), (result.perplexity, f"{count} particles")):
        if scored is not None:
            yield f"perplexity per document, {by}", *with_error(scored.per_document, 2)
            yield f"perplexity per token, {by}", *with_error(scored.per_token, 2)
    for bits, by in ((result.elbo_bits_per_dimension, "ELBO"), (result.bits_per_dimension, f"{count} particles")):
        if bits is not None:
            yield f"bits per dimension, {by}", *with_error(bits, 4)
    for index, (active, size) in enumerate(zip(result.active_units, sizes, strict=True)):
        units = f"{active} of {size} units active"
        if result.kl_per_layer is None:
            yield f"layer {index + 1}, {units}", "", ""
        else:
            yield f"KL of layer {index + 1} ({units})", f"{result.kl_per_layer[index]:.3f}", ""
    if result.pareto_k is not None:
        yield "Pareto k-hat, median", f"{result.pareto_k:.2f}", ""
