"""Data sets that nobody publishes: their file is on this machine, or it cannot be had."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from beliefnet._errors import DataError, DataUnavailable
from beliefnet.data._cache import locate, search_folders
from beliefnet.data.sources._base import R, Stored


@dataclass(frozen=True, kw_only=True)
class Local(Stored[R]):
    """A data set whose `.npz` file is not published.

    Attributes:
        instead: Name of the published data set that comes closest.
    """

    remedy: ClassVar[str] = "another copy of this file"

    instead: str

    def fetch(self, base_urls: Sequence[str] | None = None) -> Path:
        """Find the `.npz` file.

        Args:
            base_urls: None, because there is nothing to download.

        Returns:
            The path of the `.npz` file.

        Raises:
            DataError: If `base_urls` are given.
            DataUnavailable: If the file is in none of the searched folders.
        """
        if base_urls is not None:
            raise DataError(
                f"expected no base_urls for {self.name!r}, which is not published, got {list(base_urls)}; "
                "try leaving them out"
            )
        present = locate(self.file_name)
        if present is None:
            folders = " or ".join(str(folder) for folder in search_folders())
            raise DataUnavailable(
                f"expected {self.file_name} in {folders}, got no such file; {self.name!r} is not published, so that "
                "it cannot be downloaded: try pointing BELIEFNET_DATA at a folder that holds the file, "
                f"or the data set {self.instead!r}"
            )
        return present
