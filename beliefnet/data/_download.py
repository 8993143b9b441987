"""Files of named data sets: where they are looked for, verified downloads, and the one file that each is kept in."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from beliefnet._cache import cache_folder
from beliefnet._errors import DataError, DataUnavailable
from beliefnet.data._documents import read_words, vocabulary_path, write_words
from beliefnet.data.readers._arrays import npz_names, read_npz

TIMEOUT_SECONDS = 30
_CHUNK_BYTES = 2**16

DownloadProgress: TypeAlias = Callable[[str, int, int | None], None] | None
"""Called with the name of a file, the bytes of it that are here, and its size where the server says it."""


@dataclass(frozen=True)
class Download:
    """One file as its authors published it.

    Attributes:
        file_name: Its name below any of the base URLs.
        checksum: `"sha256:..."` or `"md5:..."` of the file; None where none is published, and the conversion of the
            file has to tell whether it is complete.
    """

    file_name: str
    checksum: str | None


class _Bytes:
    """What pooch tells how far a download is: an object like a bar of tqdm."""

    def __init__(self, file_name: str, progress: DownloadProgress):
        self.total, self._done, self._file_name, self._progress = 0, 0, file_name, progress

    def update(self, count: int) -> None:
        # Chunks count as whole ones.
        self._done = min(self._done + count, self.total or self._done + count)
        if self._progress is not None:
            self._progress(self._file_name, self._done, self.total or None)

    def reset(self) -> None:
        self._done = 0

    def close(self) -> None:
        pass


def obtain(download: Download, base_urls: Sequence[str], folder: Path, progress: DownloadProgress = None) -> Path:
    """Find a published file on this machine, or download it from the first mirror that has it intact.

    A file in one of the searched folders counts only if its checksum is right, where it has one.

    Args:
        download: What to get.
        base_urls: Where to get it, in the order of trying.
        folder: Folder that the file is downloaded into.
        progress: Told how far the download is.

    Returns:
        The path of the verified file.

    Raises:
        DataUnavailable: If no mirror had it intact, with the reason for each.
    """
    # Imported here because it brings an HTTP library along, which most uses never need.
    import pooch

    for searched in search_folders():
        present = searched / download.file_name
        if present.is_file() and _is_intact(present, download.checksum):
            return present
    failures: list[str] = []
    for base_url in base_urls:
        url = f"{base_url.rstrip('/')}/{download.file_name}"
        try:
            # pooch's annotations of its own downloaders and bars do not fit them.
            bar: Any = _Bytes(download.file_name, progress)
            downloader: Any = pooch.HTTPDownloader(bar, _CHUNK_BYTES, timeout=TIMEOUT_SECONDS)
            return Path(
                pooch.retrieve(url, download.checksum, fname=download.file_name, path=folder, downloader=downloader)
            )
        # pooch raises ValueError for a wrong checksum; its HTTP library's errors are all OSError.
        except OSError as error:
            failures.append(f"{url} ({error})")
        except ValueError:
            failures.append(f"{url} (wrong checksum: the download is damaged or another file)")
    raise DataUnavailable(
        f"expected {download.file_name} on this machine or intact from the network, got neither: {', '.join(failures)}",
        "again with a network",
    )


def _is_intact(path: Path, checksum: str | None) -> bool:
    import pooch

    if checksum is None:
        return True
    algorithm, digest = checksum.split(":")
    return pooch.file_hash(str(path), alg=algorithm) == digest


def search_folders() -> list[Path]:
    """Return the folders that are searched, in order: `$BELIEFNET_DATA` if set, then the cache folder.

    Raises:
        DataError: If `$BELIEFNET_DATA` does not name a folder.
    """
    chosen = os.environ.get("BELIEFNET_DATA")
    if not chosen:
        return [cache_folder()]
    folder = Path(chosen).expanduser()
    if not folder.is_dir():
        raise DataError(f"expected BELIEFNET_DATA to name a folder, got {chosen!r}", "unsetting it or creating it")
    return [folder, cache_folder()]


def locate(file_name: str) -> Path | None:
    """Return the first searched folder's file of this name, or None."""
    candidates = (folder / file_name for folder in search_folders())
    return next((path for path in candidates if path.is_file()), None)


Layout = Mapping[str, tuple[tuple[int | None, ...], str]]
"""Names of the arrays that a store must hold, with shape and dtype; None is any length."""

WORDS = "words"
"""Name of the array of strings (dtype object) that is kept as text, because an `.npz` file would pickle it."""


def stored_files(path: Path, names: Iterable[str]) -> list[Path]:
    """Return the files of a store with arrays of these names, the `.npz` file last."""
    return [vocabulary_path(path), path] if WORDS in names else [path]


def read_store(path: Path, names: Iterable[str]) -> dict[str, np.ndarray]:
    """Read arrays by name; those that the `.npz` file lacks are left out.

    Raises:
        DataError: If a file cannot be read, or the vocabulary is missing.
    """
    wanted = list(names)
    present = npz_names(path)
    arrays = read_npz(path, [name for name in wanted if name in present])
    if WORDS in wanted:
        beside = vocabulary_path(path)
        if not beside.exists():
            raise DataError(
                f"expected the vocabulary {beside.name} beside {path}, got no such file",
                f"putting it there, or moving {path.name} away, so that the data set is downloaded again",
            )
        arrays[WORDS] = np.array(read_words(beside), dtype=object)
    return arrays


def misfit(array: np.ndarray | None, shape: tuple[int | None, ...], dtype: str) -> str | None:
    """Say what there is instead of an array of this shape and dtype; None where there is one."""
    if array is None:
        return "no such array"
    fits = len(shape) == array.ndim and all(
        size in (None, found) for size, found in zip(shape, array.shape, strict=True)
    )
    return None if fits and f"{array.dtype}" == dtype else f"{array.dtype} {list(array.shape)}"


def write_store(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays to `path`, and an array named `"words"` as text beside it."""
    # numpy's own annotation takes the arrays' names for its options.
    save: Callable[..., None] = np.savez_compressed
    save(path, **{name: array for name, array in arrays.items() if name != WORDS})
    if WORDS in arrays:
        write_words(vocabulary_path(path), arrays[WORDS].tolist())


def move_store(path: Path, target: Path, names: Iterable[str]) -> None:
    """Move a store that is complete; its `.npz` file, which others look for, goes last."""
    for file, goal in zip(stored_files(path, names), stored_files(target, names), strict=True):
        os.replace(file, goal)
