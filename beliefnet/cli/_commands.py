"""The commands: the module of each, which is imported when the command is used, and a line about it."""

COMMANDS = {
    "bench": (
        "_bench",
        "Time workloads here and in PyTorch, Pyro and NumPyro, and check that all compute the same.",
    ),
    "compare": ("_compare", "Fit simpler models to data, and score them as nets are scored."),
    "convert": ("_convert", "Write a run folder of version 0.1.0 anew."),
    "datasets": ("_datasets", "List the data sets that can be named, or fetch one."),
    "diagnose": ("_diagnose", "Compare gradient estimators at a trained net."),
    "encode": ("_encode", "Write the codes of data."),
    "evaluate": ("_evaluate", "Estimate ELBO, K-particle bound and negative log-likelihood of a trained net."),
    "export": ("_export", "Write the best net of a run to one file."),
    "gaps": ("_gaps", "Refine the posteriors of trained nets step by step."),
    "impute": ("_impute", "Fill in missing entries of data."),
    "outliers": ("_outliers", "Score every row of data by log p(x)."),
    "report": ("_report", "Write one HTML page about one or several runs."),
    "runs": ("_runs", "List the runs of a folder, put tags on them, or delete some."),
    "sample": ("_sample", "Draw observations from a trained net."),
    "score": ("_score", "Write log p(x) of every row of data, with its standard error."),
    "schema": ("_schema", "Show what the columns of a table are taken for."),
    "sandwich": ("_sandwich", "Bound log p(x) from both sides on data that the net itself draws."),
    "topics": ("_topics", "Show the words that each latent of a document net stands for."),
    "train": ("_train", "Train a net and leave a run folder."),
}
"""The module of each command, and a line about it."""

ABOUT = (
    "Train and use deep directed latent-variable models: binary, one-hot or normal latents, in layers.",
    "Bounds and likelihoods are in nats per example. Errors end with status 1 and one message; put --debug anywhere on "
    "the command line to see where they came from.",
)
"""What the program is for, in paragraphs."""
