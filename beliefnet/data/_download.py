"""Downloads that are verified before anybody sees them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from beliefnet._errors import DataUnavailable
from beliefnet.data._cache import search_folders

TIMEOUT_SECONDS = 30


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


def obtain(download: Download, base_urls: Sequence[str], folder: Path) -> Path:
    """Find a published file on this machine, or download it from the first mirror that has it intact.

    A file in one of the searched folders counts only if its checksum is right, where it has one.

    Args:
        download: What to get.
        base_urls: Where to get it, in the order of trying.
        folder: Folder that the file is downloaded into.

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
            # pooch's annotation of its own downloaders does not fit them.
            downloader: Any = pooch.HTTPDownloader(timeout=TIMEOUT_SECONDS)
            return Path(
                pooch.retrieve(url, download.checksum, fname=download.file_name, path=folder, downloader=downloader)
            )
        # pooch raises ValueError for a wrong checksum; its HTTP library's errors are all OSError.
        except (OSError, ValueError) as error:
            failures.append(f"{url} ({_reason(error)})")
    raise DataUnavailable(
        f"expected {download.file_name} on this machine or intact from the network, got neither: {', '.join(failures)}"
    )


def _is_intact(path: Path, checksum: str | None) -> bool:
    import pooch

    if checksum is None:
        return True
    algorithm, digest = checksum.split(":")
    return pooch.file_hash(str(path), alg=algorithm) == digest


def _reason(error: OSError | ValueError) -> str:
    return str(error) if isinstance(error, OSError) else "wrong checksum: the download is damaged or another file"
