"""The errors of this package: each message says what was expected, what was found and what to try."""


class DataError(ValueError):
    """Data, or a request for data, that cannot be used as it stands."""


class DataUnavailable(DataError):
    """A data set that is neither on this machine nor could be downloaded."""
