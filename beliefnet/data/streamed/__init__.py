"""Training rows that are not kept in memory: batches that are made, and many files of which windows are read."""
