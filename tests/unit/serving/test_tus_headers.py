from __future__ import annotations

import base64
import contextlib
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.api.tus import (
    TusHeaderError,
    read_checksum,
    read_metadata,
    read_number,
    read_upload_head,
)

KEYS = st.text(st.characters(min_codepoint=97, max_codepoint=122), min_size=1, max_size=8)


def encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


@given(st.dictionaries(KEYS, st.text(max_size=40), max_size=6))
def test_metadata_comes_back_as_it_was_written(pairs: dict[str, str]) -> None:
    text = ",".join(f"{key} {encode(value.encode())}" for key, value in pairs.items())
    assert read_metadata(text) == pairs


@given(st.text(max_size=200))
def test_any_metadata_is_read_or_refused_by_name(text: str) -> None:
    with contextlib.suppress(TusHeaderError):
        assert all(isinstance(value, str) for value in read_metadata(text).values())


@given(st.text(max_size=80))
def test_any_checksum_is_read_or_refused_by_name(text: str) -> None:
    with contextlib.suppress(TusHeaderError):
        checksum = read_checksum(text)
        assert checksum is not None
        assert len(checksum.digest) == checksum.start().digest_size


@pytest.mark.parametrize("algorithm", ["sha256", "sha1"])
@given(data=st.binary(max_size=100))
def test_checksum_fits_its_bytes_alone(algorithm: str, data: bytes) -> None:
    digest = hashlib.new(algorithm, data).digest()
    checksum = read_checksum(f"{algorithm} {encode(digest)}")
    assert checksum is not None
    for content, fits in ((data, True), (data + b"x", False)):
        found = checksum.start()
        found.update(content)
        assert (found.digest() == checksum.digest) is fits


def test_no_checksum_is_none_asked_for() -> None:
    assert read_checksum(None) is None


@given(st.integers(min_value=0, max_value=10**17))
def test_numbers_of_bytes_are_read(number: int) -> None:
    assert read_number("Upload-Offset", str(number)) == number


@pytest.mark.parametrize(
    "text", [None, "", "-1", "+1", "1.0", "1e3", " 1", "0x1", "\u0661", "9" * 30]
)
def test_anything_else_is_no_number_of_bytes(text: str | None) -> None:
    with pytest.raises(TusHeaderError, match="Upload-Length"):
        read_number("Upload-Length", text)


def test_head_needs_a_name_and_a_whole_hash() -> None:
    name = f"filename {encode('DCIM/照片.jpg'.encode())}"
    head = read_upload_head("5", f"{name},sha256 {encode(b'A' * 64)},is_confidential")
    assert (head.file_name, head.length_bytes, head.sha256) == ("DCIM/照片.jpg", 5, "a" * 64)
    for bad in ("", "filetype aW1hZ2U=", f"{name},sha256 {encode(b'x' * 64)}"):
        with pytest.raises(TusHeaderError, match="Upload-Metadata"):
            read_upload_head("5", bad)
