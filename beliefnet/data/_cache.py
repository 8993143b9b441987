"""The folders in which downloaded data sets live."""

import os
from pathlib import Path

from beliefnet._errors import DataError


def cache_folder() -> Path:
    """Return the folder that downloads go to: `$BELIEFNET_CACHE`, or the operating system's cache folder."""
    chosen = os.environ.get("BELIEFNET_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    # Imported here because pooch brings an HTTP library along, which most uses never need.
    import pooch

    return Path(pooch.os_cache("beliefnet"))


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
        raise DataError(f"expected BELIEFNET_DATA to name a folder, got {chosen!r}; try unsetting it or creating it")
    return [folder, cache_folder()]


def locate(file_name: str) -> Path | None:
    """Return the first searched folder's file of this name, or None."""
    candidates = (folder / file_name for folder in search_folders())
    return next((path for path in candidates if path.is_file()), None)
