"""What a named data set is: a description, and a way to get at its rows; each is declared in a module here."""

import abc
import math
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

import numpy as np

from beliefnet._cache import cache_folder
from beliefnet._errors import DataError, DataUnavailable
from beliefnet._types import ValueKind
from beliefnet.data._download import (
    Download,
    DownloadProgress,
    Layout,
    locate,
    misfit,
    move_store,
    obtain,
    read_store,
    search_folders,
    stored_files,
    write_store,
)
from beliefnet.data._split import Contents

__all__ = ["AbstractSource", "AbstractStored", "BuiltIn", "Download", "Layout", "Local", "Remote"]


@dataclass(frozen=True, kw_only=True)
class AbstractSource(abc.ABC):
    """A named data set: of images, or of documents as word counts.

    Attributes:
        name: The name that `load` takes.
        description: One line for a listing.
        variant: Which version of the data set this is, for the record.
        origin: Where it comes from, for the record.
        splits: Number of train, valid and test rows.
        image_shape: Height and width of images; None for documents.
        binarization: The default; `"none"` when there is nothing to binarise.
        num_words: Number of words of documents that are kept by default; None for images.
    """

    name: str
    description: str
    variant: str
    origin: str
    splits: Mapping[str, int]
    image_shape: tuple[int, int] | None = None
    binarization: str = "none"
    num_words: int | None = None

    @property
    def values(self) -> ValueKind:
        """What the rows are read as by default."""
        return self.held[0]

    @property
    def held(self) -> tuple[ValueKind, ...]:
        """What the rows can be read as, the default first."""
        if self.num_words is not None:
            return ("counts",)
        return ("binary",) if self.binarization == "none" else ("binary", "grey")

    @property
    def num_features(self) -> int:
        """Number of pixels, or of words by default."""
        return math.prod(self.image_shape or ()) if self.num_words is None else self.num_words

    @abc.abstractmethod
    def read(self) -> Contents:
        """Return the rows of the three splits; documents with all their words, in descending order of frequency."""

    @abc.abstractmethod
    def location(self) -> str:
        """Say where the data is: `"built in"`, a path, or `"absent"`."""


@dataclass(frozen=True, kw_only=True)
class BuiltIn(AbstractSource):
    """A data set that needs no download.

    Attributes:
        make: Makes the rows, the same at every call.
        package: The optional package that brings the data, if one does.
        extra: The extra of beliefnet that installs it.
    """

    make: Callable[[], Contents]
    package: str | None = None
    extra: str | None = None

    def read(self) -> Contents:
        """Return what `make` makes; `DataUnavailable` if the package that brings the data is not installed."""
        if not self._installed:
            raise DataUnavailable(
                f"expected the package {self.package!r}, which brings {self.name!r}, got none",
                f'pip install "beliefnet[{self.extra}]"',
            )
        return self.make()

    def location(self) -> str:
        """Return `"built in"`, or `"absent"` if it takes a package that is not installed."""
        return "built in" if self._installed else "absent"

    @property
    def _installed(self) -> bool:
        return self.package is None or find_spec(self.package) is not None


@dataclass(frozen=True, kw_only=True)
class AbstractStored(AbstractSource):
    """A data set that is kept in one `.npz` file, its vocabulary beside it.

    Attributes:
        file_name: Name of the `.npz` file.
        layout: The arrays it must hold; others in it are ignored.
        unpack: Turns the arrays of `layout` into rows.
        remedy: What to try where the file holds something else.
    """

    file_name: str
    layout: Layout
    unpack: Callable[[Mapping[str, np.ndarray]], Contents]
    remedy: ClassVar[str]

    def read(self) -> Contents:
        """Return the rows, from the file that `fetch` finds."""
        path = self.fetch()
        arrays = read_store(path, self.layout)
        self._check(arrays, path)
        return self.unpack(arrays)

    def location(self) -> str:
        """Return the path of the `.npz` file, or `"absent"`."""
        return str(locate(self.file_name) or "absent")

    @abc.abstractmethod
    def fetch(self, base_urls: Sequence[str] | None = None, progress: DownloadProgress = None) -> Path:
        """Return the path of the `.npz` file, wherever it has to come from.

        Args:
            base_urls: Where published files are, in the order of trying; None for their usual places.
            progress: Told how far a download is.

        Raises:
            DataError: If `base_urls` are given for a data set that has no published files.
            DataUnavailable: If the file is not on this machine, and cannot be brought here.
        """

    def _check(self, arrays: Mapping[str, np.ndarray], path: Path) -> None:
        for name, (shape, dtype) in self.layout.items():
            found = misfit(arrays.get(name), shape, dtype)
            if found is not None:
                raise DataError(
                    f"expected the array {name!r} ({dtype} {list(shape)}) of {self.name!r} in {path}, got {found}",
                    f"{self.remedy}",
                )


@dataclass(frozen=True, kw_only=True)
class Remote(AbstractStored):
    """A data set that is downloaded once.

    Attributes:
        downloads: The files as published.
        base_urls: Where they are, in the order of trying.
        convert: Turns the published files, by name, into the arrays of the `.npz` file.
    """

    remedy: ClassVar[str] = "moving this file away, so that the data set is downloaded again"

    downloads: tuple[Download, ...]
    base_urls: tuple[str, ...]
    convert: Callable[[Mapping[str, Path]], dict[str, np.ndarray]]

    def fetch(self, base_urls: Sequence[str] | None = None, progress: DownloadProgress = None) -> Path:
        """Find the `.npz` file, or download, verify and convert the published files into the cache folder.

        A failure leaves nothing behind.

        Args:
            base_urls: Where the files are, in the order of trying; None for their usual places.
            progress: Told how far a download is.

        Returns:
            The path of the `.npz` file.

        Raises:
            DataUnavailable: If a file cannot be had intact, or the cache folder cannot be written.
        """
        present = locate(self.file_name)
        if present is not None:
            return present
        urls, folder = base_urls or self.base_urls, cache_folder()
        print(f"beliefnet: downloading {self.name!r} from {urls[0]} into {folder}", file=sys.stderr)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            # Below the cache folder, so that the last step is a rename within one file system: all or nothing.
            with tempfile.TemporaryDirectory(dir=folder, prefix=".download-") as scratch:
                return self._assemble(urls, Path(scratch), folder / self.file_name, progress)
        except DataUnavailable as error:
            raise DataUnavailable(error.reason, self._advice()) from error
        except OSError as error:
            raise DataUnavailable(
                f"expected a cache folder that can be written, got {folder} ({error.strerror or error})",
                "setting BELIEFNET_CACHE to another folder",
            ) from error

    def _assemble(self, base_urls: Sequence[str], scratch: Path, target: Path, progress: DownloadProgress) -> Path:
        files = {download.file_name: obtain(download, base_urls, scratch, progress) for download in self.downloads}
        arrays = self.convert(files)
        self._check(arrays, target)
        write_store(scratch / self.file_name, arrays)
        move_store(scratch / self.file_name, target, self.layout)
        return target

    def _advice(self) -> str:
        folders = " or ".join(str(folder) for folder in search_folders())
        stored = " and ".join(path.name for path in stored_files(Path(self.file_name), self.layout))
        published = ", ".join(download.file_name for download in self.downloads)
        return (
            f"putting {stored}, as beliefnet writes it on a machine with a network, or the published files "
            f"({published}) into {folders}, or point BELIEFNET_DATA at a folder that holds them"
        )


@dataclass(frozen=True, kw_only=True)
class Local(AbstractStored):
    """A data set whose `.npz` file is not published.

    Attributes:
        instead: Name of the published data set that comes closest.
    """

    remedy: ClassVar[str] = "another copy of this file"

    instead: str

    def fetch(self, base_urls: Sequence[str] | None = None, progress: DownloadProgress = None) -> Path:
        """Find the `.npz` file.

        Args:
            base_urls: None, because there is nothing to download.
            progress: Never told anything.

        Returns:
            The path of the `.npz` file.

        Raises:
            DataError: If `base_urls` are given.
            DataUnavailable: If the file is in none of the searched folders.
        """
        if base_urls is not None:
            raise DataError(
                f"expected no base_urls for {self.name!r}, which is not published, got {list(base_urls)}",
                "leaving them out",
            )
        present = locate(self.file_name)
        if present is None:
            folders = " or ".join(str(folder) for folder in search_folders())
            raise DataUnavailable(
                f"expected {self.file_name} in {folders}, got no such file; {self.name!r} is not published, so that "
                "it cannot be downloaded",
                "pointing BELIEFNET_DATA at a folder that holds the file",
                f"the data set {self.instead!r}",
            )
        return present
