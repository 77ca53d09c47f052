"""Opening the store that an address names: a folder, or a bucket."""

from __future__ import annotations

import os
from pathlib import Path

from n2s.graph.errors import ArgumentError
from n2s.runtime.obstacles import obstacle
from n2s.runtime.store import Store

BUCKETS = ("s3://", "gs://", "az://")


def open_store(address: Store | str | Path | None = None, limit: int | None = None) -> Store:
    """Return the store of an address; without one, that of N2S_STORE, or the user's own folder.

    Parameters
    ----------
    address : str or path, optional
        A folder, or a bucket and a prefix: "s3://films/store". A store is returned as it is.
    limit : int, optional
        Bytes that its folder may hold, of a bucket's the folder of copies on this machine; those of N2S_STORE_LIMIT, or
        20 GB, when left out.

    Raises
    ------
    ArgumentError
        When it is a bucket that cannot be opened, a file stands where its folder should be, or N2S_STORE_LIMIT is no
        amount.
    """
    if isinstance(address, Store):
        return address
    if address is None:
        address = os.environ.get("N2S_STORE") or None
    if not isinstance(address, str) or "://" not in address:
        if address is not None and (what := obstacle(Path(address))):
            raise ArgumentError(f"{what}, and no folder for kept results. Name a folder with --store, or in N2S_STORE.")
        return Store(address, limit)
    if not address.startswith(BUCKETS):
        raise ArgumentError(f"{address} is no store: a folder was wanted, or a bucket, like s3://films/store.")
    try:
        from n2s.runtime.bucket import BucketStore  # needs a package of its own
    except ModuleNotFoundError as error:
        raise ArgumentError(
            f"A store in a bucket needs {error.name}, which is not installed. Cure: pip install 'n2s[cluster]'."
        ) from None
    return BucketStore(address, limit)
