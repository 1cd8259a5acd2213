"""Sealing: nothing opens elsewhere, nothing opens changed, nobody else can read the keys."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.errors import UnsafeConfig
from portal.keys import Keys, SealBroken


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return Keys(tmp_path_factory.mktemp("installation") / "keys")


@given(plain=st.binary(max_size=200), place=st.text(max_size=20))
def test_what_is_sealed_opens_in_its_place(keys: Keys, plain: bytes, place: str) -> None:
    assert keys.unseal(keys.seal(plain, place), place) == plain


def test_a_value_moved_to_another_row_does_not_open(keys: Keys) -> None:
    sealed = keys.seal(b"a face", "template/1")
    with pytest.raises(SealBroken):
        keys.unseal(sealed, "template/2")


def test_every_changed_byte_is_noticed(keys: Keys) -> None:
    sealed = keys.seal(b"a face", "template/1")
    for at in range(len(sealed)):
        changed = bytearray(sealed)
        changed[at] ^= 1
        with pytest.raises(SealBroken):
            keys.unseal(bytes(changed), "template/1")


def test_a_cut_value_is_noticed(keys: Keys) -> None:
    sealed = keys.seal(b"a face", "x")
    for length in (0, 1, 30, len(sealed) - 1):
        with pytest.raises(SealBroken):
            keys.unseal(sealed[:length], "x")


def test_purposes_do_not_mix(keys: Keys) -> None:
    assert keys.digest("suppression", b"x") != keys.digest("contact", b"x")


def test_keys_are_made_once_even_by_two_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: Keys(folder).public_key, range(8)))
    assert len(set(made)) == 1
    assert {path.name for path in folder.iterdir()} == {"master.key", "signing.pem"}


def test_keys_that_others_can_read_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    Keys(folder)
    (folder / "master.key").chmod(0o644)
    with pytest.raises(UnsafeConfig, match="chmod 600"):
        Keys(folder)


@given(plain=st.binary(max_size=600), row=st.integers(1, 2**62))
def test_what_is_sealed_small_opens_in_its_row_alone(keys: Keys, plain: bytes, row: int) -> None:
    sealed = keys.seal_small(plain, "template", row)
    assert keys.unseal_small(sealed, "template", row) == plain
    for table, other in (("template", row + 1), ("face", row)):
        with pytest.raises(SealBroken):
            keys.unseal_small(sealed, table, other)


def test_every_changed_byte_of_a_small_seal_is_noticed(keys: Keys) -> None:
    sealed = keys.seal_small(b"a face", "template", 1)
    for at in range(len(sealed)):
        for changed in (sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :], sealed[:at]):
            with pytest.raises(SealBroken):
                keys.unseal_small(changed, "template", 1)


def test_an_envelope_of_before_opens_as_a_small_seal(keys: Keys) -> None:
    assert keys.unseal_small(keys.seal(b"a face", "template/7"), "template", 7) == b"a face"
    with pytest.raises(SealBroken):
        keys.unseal_small(keys.seal(b"a face", "template/7"), "template", 8)
