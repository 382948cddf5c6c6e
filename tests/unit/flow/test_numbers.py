"""Numbers as text → numeric types: all digits, or none."""

from __future__ import annotations

import pyarrow as pa
import pytest

from wayfare.flow.exact import Inexact
from wayfare.flow.numbers import from_number

NINES = "9" * 38
ROOMY = [pa.decimal128(38, 0), pa.decimal256(76, 0)]


@pytest.mark.parametrize("text", ["1E200", "-1e77", "1" + "0" * 76, "1e-200"])
@pytest.mark.parametrize("kind", [pa.int8(), pa.uint64(), *ROOMY, pa.decimal256(76, 30)])
def test_what_there_is_no_room_for_is_refused(text: str, kind: pa.DataType) -> None:
    """Arrow reads some of the digits of such a number, which may all be zeros, and takes it for 0."""
    with pytest.raises((Inexact, pa.ArrowInvalid)):
        from_number(kind)(pa.array([text]))


@pytest.mark.parametrize("text", [NINES, f"-{NINES}", f"{NINES}.000", f"000{NINES}"])
@pytest.mark.parametrize("kind", ROOMY)
def test_what_just_fits_is_kept(text: str, kind: pa.DataType) -> None:
    sign = -1 if text.startswith("-") else 1
    assert [int(v) for v in from_number(kind)(pa.array([text])).to_pylist()] == [sign * int(NINES)]
