"""Values that lie scattered in a stream of bytes, brought together as Arrow keeps them: for the decoders in numpy."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Octets: TypeAlias = npt.NDArray[np.uint8]
Places: TypeAlias = npt.NDArray[Any]  # of int64; numpy's types cannot follow the arithmetic
Offsets: TypeAlias = npt.NDArray[np.int32]

_BYTES_EACH_MAX = 64  # longer values, on average, are cheaper to slice one by one


def everywhere(octets: Octets, kind: str) -> npt.NDArray[Any]:
    """What could be read at each position, as numpy's type `kind`: an overlapping view, not a copy."""
    width = np.dtype(kind).itemsize
    return np.ndarray((max(len(octets) - width + 1, 0),), kind, octets, 0, (octets.strides[0],))


def gathered(octets: Octets, places: Places, sizes: Places) -> tuple[Offsets, npt.NDArray[Any] | bytes]:
    """The values of these sizes at these places: Arrow's offsets and bytes."""
    offsets = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=offsets[1:])
    return offsets.astype(np.int32), _content(octets, places, sizes, offsets)


def _content(octets: Octets, places: Places, sizes: Places, offsets: Places) -> npt.NDArray[Any] | bytes:
    total = int(offsets[-1])
    if not total:
        return b""
    if total == int(sizes[0]) * len(sizes) and bool((sizes == sizes[0]).all()):
        return everywhere(octets, f"V{int(sizes[0])}")[places]
    if total > _BYTES_EACH_MAX * len(sizes):
        view, ends = octets.data, places + sizes
        return b"".join([view[a:b] for a, b in zip(places.tolist(), ends.tolist(), strict=True)])
    source = np.repeat(places - offsets[:-1], sizes)
    source += np.arange(total)
    content: Octets = octets[source]
    return content
