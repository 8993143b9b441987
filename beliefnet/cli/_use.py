"""beliefnet evaluate, sample and encode: what a trained net is used for."""

import json
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from cyclopts import Parameter
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from beliefnet._errors import OptionError
from beliefnet.catalogue import NamedRun
from beliefnet.cli._app import command
from beliefnet.cli._runs import (
    check_counts,
    check_suffix,
    chosen_proposal,
    data_of,
    described,
    load_like,
    open_latent_run,
    open_run,
    save_array,
    spread,
    without_nan,
    writing,
)
from beliefnet.data import Observations, Record, names, read_rows
from beliefnet.evaluation import Evaluation, evaluate
from beliefnet.evaluation import encode as codes_of
from beliefnet.plots import image_sheet
from beliefnet.proposals import Recognition
from beliefnet.runs import write_atomically
from beliefnet.training import Stream, stream


@command(name="evaluate")
def evaluate_run(
    directory: Annotated[Path, Parameter(name="DIR")],
    /,
    *,
    split: Literal["train", "valid", "test"] = "test",
    particles: int = 1000,
    refine: str | None = None,
    ais: int | None = None,
    data: str | None = None,
    limit: int | None = None,
    seed: int = 0,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> None:
    """Estimate ELBO, K-particle bound and negative log-likelihood of a trained net, with standard errors.

    The result for a whole split of the run's own data, with the run's own proposal, is also written to evaluation.json
    in the run folder.

    Args:
        directory: Run folder of `beliefnet train`.
        split: Part of the data.
        particles: Particles per datum, K; memory does not grow with it.
        refine: Refine the posterior of every datum first: air, gdir (normal latents), mean-passing, straight-through or
            concrete, with options as in air:steps=20,samples=20,rate=0.1. By default as in training; none for the
            recognition net alone.
        ais: Anneal every particle from there to the posterior, over so many temperatures (annealed importance
            sampling); a few particles then do, such as --particles 10 --ais 500.
        data: Another data set or file than the one the net was trained on.
        limit: Use only so many examples, spread evenly over the split (it may be sorted by class).
        seed: Seed of the draws.
        as_json: Print one JSON object and nothing else.
    """
    check_counts(particles=particles, limit=limit, ais=ais, seed=seed)
    run = open_run(directory)
    dataset = data_of(run, data)
    if not run.net.layer_sizes:
        particles = 1
    proposal = chosen_proposal(run, refine, ais)
    rows = spread(dataset.split(split), limit)
    with Progress(console=Console(stderr=True), transient=True, disable=as_json) as progress:
        task = progress.add_task(f"{split}, {particles} particles", total=rows.shape[0])
        result = evaluate(
            run.net,
            rows,
            num_particles=particles,
            key=stream(seed, Stream.EVALUATION),
            proposal=proposal,
            progress=lambda done: progress.update(task, completed=done),
        )
    report = without_nan(
        {
            "data": dataset.record.to_dict(),
            "split": split,
            **result.to_dict(),
            "proposal": described(proposal),
            "ais": ais,
            "seed": seed,
            "best_epoch": run.best_epoch,
        }
    )
    # Shown first: a folder that cannot be written must not cost a long evaluation.
    if as_json:
        print(json.dumps(report))
    else:
        _show(result, dataset.record, split, run)
        if not isinstance(proposal, Recognition):
            print(f"particles of {described(proposal)}")
    if not (limit is data is refine is ais is None):
        return
    run.folder.write_evaluation(report, run.stamp)
    if not as_json:
        print(f"written to {run.folder.evaluation_file}")


def _show(result: Evaluation, record: Record, split: str, run: NamedRun) -> None:
    console = Console()
    table = Table(title=f"{record.name}, {split} split, {result.num_examples} examples (nats per example)")
    table.add_column("quantity")
    table.add_column("mean", justify="right")
    table.add_column("stderr", justify="right")
    count = result.num_particles
    if not run.net.layer_sizes:
        table.add_row("NLL, exact", f"{result.nll.mean:.3f}", f"{result.nll.stderr:.3f}")
        console.print(table)
        return
    for name, value in (
        ("ELBO", result.elbo),
        (f"bound, {count} particles", result.bound),
        *((f"NLL, {rung} particles", nll) for rung, nll in result.ladder.items()),
        (f"effective sample size of {count}", result.ess),
    ):
        table.add_row(name, f"{value.mean:.3f}", f"{value.stderr:.3f}")
    sizes = run.net.layer_sizes
    for scored, by in ((result.elbo_perplexity, "ELBO"), (result.perplexity, f"{count} particles")):
        if scored is not None:
            for unit, value in (("document", scored.per_document), ("token", scored.per_token)):
                table.add_row(f"perplexity per {unit}, {by}", f"{value.mean:.2f}", f"{value.stderr:.2f}")
    for scored, by in ((result.elbo_bits_per_dimension, "ELBO"), (result.bits_per_dimension, f"{count} particles")):
        if scored is not None:
            table.add_row(f"bits per dimension, {by}", f"{scored.mean:.4f}", f"{scored.stderr:.4f}")
    for index, active in enumerate(result.active_units):
        units = f"{active} of {sizes[index]} units active"
        if result.kl_per_layer is None:
            table.add_row(f"layer {index + 1}, {units}", "", "")
        else:
            table.add_row(f"KL of layer {index + 1} ({units})", f"{result.kl_per_layer[index]:.3f}", "")
    if result.pareto_k is not None:
        table.add_row("Pareto k-hat, median", f"{result.pareto_k:.2f}", "")
    console.print(table)
    if result.untrusted:
        console.print(
            f"The weights of {100 * result.untrusted:.0f} % of the data have too heavy a tail (k-hat): "
            "there, more particles would still raise the bound and lower the NLL.",
            soft_wrap=True,
        )


@command
def sample(
    directory: Annotated[Path, Parameter(name="DIR")],
    /,
    *,
    num: int = 100,
    out: Path | None = None,
    values: Literal["draws", "means"] | None = None,
    seed: int = 0,
) -> None:
    """Draw observations from a trained net.

    Args:
        directory: Run folder of `beliefnet train`.
        num: How many.
        out: A .png for a sheet of images (samples.png by default), a .txt for documents, one a line (samples.txt by
            default), or a .npy for an array [num, visible].
        values: Draws, or the means that they are drawn with; by default means in a .png, draws otherwise.
        seed: Seed of the draws.
    """
    check_counts(num=num, seed=seed)
    run = open_run(directory)
    kind = ".txt" if run.record.values == "counts" else ".png"
    out = out or Path(f"samples{kind}")
    check_suffix(out, kind, ".npy")
    key = stream(seed, Stream.SAMPLES)
    wants_means = values == "means" or (values is None and out.suffix == ".png")
    drawn = np.asarray(run.net.sample_means((num,), key=key) if wants_means else run.net.dream((num,), key=key)[0])
    if out.suffix == ".png":
        with writing(out):
            image_sheet(drawn, run.record.image_shape, out)
    elif out.suffix == ".txt":
        if wants_means:
            raise OptionError(f"expected --values draws for documents in {out}, got means; try --out samples.npy")
        names = np.asarray(run.folder.read_words())
        with writing(out):
            write_atomically(out, "".join(f"{' '.join(np.repeat(names, row))}\n" for row in drawn.astype(int)))
    else:
        stored = {"binary": np.uint8, "grey": np.float32, "counts": np.int32}[run.record.values]
        save_array(out, drawn if wants_means else drawn.astype(stored))
    print(f"{num} samples written to {out}")


@command
def encode(
    directory: Annotated[Path, Parameter(name="DIR")],
    data: Annotated[str, Parameter(name="DATA")],
    /,
    *,
    out: Path = Path("codes.npy"),
    layer: int | None = None,
    split: Literal["train", "valid", "test"] | None = None,
) -> None:
    """Write the codes of data: the mean of each latent unit under the recognition net, layer means fed upward.

    Args:
        directory: Run folder of `beliefnet train`.
        data: A .npy, .npz or .csv file of rows, or the name of a data set.
        out: A .npy for one layer, [examples, units], or a .npz for all (`h1` is the one next to the data).
        layer: Which layer goes into a .npy, 1 being the one next to the data; the top one by default.
        split: Which part of a named data set (the test split by default), or which array of a .npz.
    """
    check_suffix(out, ".npy", ".npz")
    run = open_latent_run(directory)
    depth = len(run.net.layer_sizes)
    if layer is not None and not 1 <= layer <= depth:
        raise OptionError(f"expected --layer from 1 to {depth}, got {layer}; try {depth}, the top one")
    if data in names() or not Path(data).expanduser().exists():
        rows = load_like(run, data).split(split or "test")
    else:
        is_text = run.record.values == "counts"
        stored = read_rows(
            data,
            num_features=run.net.num_visible,
            values=run.record.values,
            array=split,
            binarization=run.config.data.values["binarization"],
            words=run.folder.read_words() if is_text else None,
            text_column=run.config.data.values["text_column"],
        )
        is_dynamic = run.record.values == "binary" and stored.dtype != np.uint8
        rows = Observations(stored, run.record.values, is_dynamic=is_dynamic, label=data)
    count, codes = len(rows), codes_of(run.net, rows)
    if out.suffix == ".npz":
        save_array(out, **{f"h{index + 1}": code for index, code in enumerate(codes)})
        print(f"codes of {count} examples, {depth} layers, written to {out}")
    else:
        chosen = depth if layer is None else layer
        save_array(out, codes[chosen - 1])
        print(f"codes of {count} examples, layer {chosen}, {codes[chosen - 1].shape[1]} units, written to {out}")
