"""What a named data set is: a description and a way to get at its rows."""

import abc
import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from beliefnet.datasets._arrays import npz_names, read_npz
from beliefnet.datasets._cache import cache_folder, locate, search_folders
from beliefnet.datasets._download import Download, obtain
from beliefnet.datasets._errors import DataError, DataUnavailable
from beliefnet.datasets._raw import RawData

Layout = Mapping[str, tuple[tuple[int, ...], str]]
"""Names of the arrays that a cached file must hold, with shape and dtype."""


@dataclass(frozen=True, kw_only=True)
class Source(abc.ABC):
    """A named data set.

    Attributes:
        name: The name that `load` takes.
        description: One line for a listing.
        variant: Which version of the data set this is, for the record.
        origin: Where it comes from, for the record.
        image_shape: Height and width of the images.
        splits: Number of train, valid and test rows.
        binarization: The default; `"none"` when the data is already binary.
    """

    name: str
    description: str
    variant: str
    origin: str
    image_shape: tuple[int, int]
    splits: Mapping[str, int]
    binarization: str

    @abc.abstractmethod
    def read(self) -> RawData:
        """Return the rows `[n, height * width]` of the three splits."""

    @abc.abstractmethod
    def whereabouts(self) -> str:
        """Say where the data is: `"built in"`, a path, or `"absent"`."""


@dataclass(frozen=True, kw_only=True)
class BuiltIn(Source):
    """A data set that needs no download.

    Attributes:
        make: Makes the rows, the same at every call.
    """

    make: Callable[[], RawData]

    def read(self) -> RawData:
        """Return what `make` makes."""
        return self.make()

    def whereabouts(self) -> str:
        """Return `"built in"`."""
        return "built in"


@dataclass(frozen=True, kw_only=True)
class Remote(Source):
    """A data set that is downloaded once, then kept in one `.npz` file.

    Attributes:
        file_name: Name of the `.npz` file.
        layout: The arrays it must hold; others in it are ignored.
        downloads: The files as published.
        base_urls: Where they are, in the order of trying.
        convert: Turns the published files, by name, into the arrays of the `.npz` file.
        unpack: Turns the arrays of `layout` into rows.
    """

    file_name: str
    layout: Layout
    downloads: tuple[Download, ...]
    base_urls: tuple[str, ...]
    convert: Callable[[Mapping[str, Path]], dict[str, np.ndarray]]
    unpack: Callable[[Mapping[str, np.ndarray]], RawData]

    def read(self) -> RawData:
        """Return the rows, after downloading them if they are nowhere on this machine."""
        path = self.fetch(self.base_urls)
        present = npz_names(path)
        arrays = read_npz(path, [name for name in self.layout if name in present])
        self._check(arrays, path)
        return self.unpack(arrays)

    def whereabouts(self) -> str:
        """Return the path of the `.npz` file, or `"absent"`."""
        return str(locate(self.file_name) or "absent")

    def fetch(self, base_urls: Sequence[str]) -> Path:
        """Find the `.npz` file, or download, verify and convert the published files into the cache folder.

        A failure leaves nothing behind.

        Args:
            base_urls: Where the files are, in the order of trying.

        Returns:
            The path of the `.npz` file.

        Raises:
            DataUnavailable: If a file cannot be had intact, or the cache folder cannot be written.
        """
        present = locate(self.file_name)
        if present is not None:
            return present
        folder = cache_folder()
        print(f"beliefnet: downloading {self.name!r} from {base_urls[0]} into {folder}", file=sys.stderr)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            # Below the cache folder, so that the last step is a rename within one file system: all or nothing.
            with tempfile.TemporaryDirectory(dir=folder, prefix=".download-") as scratch:
                return self._assemble(base_urls, Path(scratch), folder / self.file_name)
        except DataUnavailable as error:
            raise DataUnavailable(f"{error}; {self._advice()}") from error
        except OSError as error:
            raise DataUnavailable(
                f"expected a cache folder that can be written, got {folder} ({error.strerror or error}); "
                "try setting BELIEFNET_CACHE to another folder"
            ) from error

    def _assemble(self, base_urls: Sequence[str], scratch: Path, target: Path) -> Path:
        files = {download.file_name: obtain(download, base_urls, scratch) for download in self.downloads}
        arrays = self.convert(files)
        self._check(arrays, target)
        complete = scratch / self.file_name
        # numpy's own annotation takes the arrays' names for its options.
        save: Callable[..., None] = np.savez_compressed
        save(complete, **arrays)
        os.replace(complete, target)
        return target

    def _check(self, arrays: Mapping[str, np.ndarray], path: Path) -> None:
        for name, (shape, dtype) in self.layout.items():
            array = arrays.get(name)
            found = "no such array" if array is None else f"{array.dtype} {list(array.shape)}"
            if found != f"{dtype} {list(shape)}":
                raise DataError(
                    f"expected the array {name!r} ({dtype} {list(shape)}) of {self.name!r} in {path}, got {found}; "
                    "try moving this file away, so that the data set is downloaded again"
                )

    def _advice(self) -> str:
        folders = " or ".join(str(folder) for folder in search_folders())
        published = ", ".join(download.file_name for download in self.downloads)
        return (
            f"try putting {self.file_name}, as beliefnet writes it on a machine with a network, or the published files "
            f"({published}) into {folders}, or point BELIEFNET_DATA at a folder that holds them"
        )
