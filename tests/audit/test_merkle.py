"""The tree against the published vectors of Certificate Transparency and against another implementation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymerkle import InmemoryTree

from portal.audit import merkle

# The reference leaves and roots of RFC 6962's own implementation (google/certificate-transparency).
LEAVES = [
    bytes.fromhex(leaf)
    for leaf in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
INCLUSION = {
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
}
CONSISTENCY = {
    (1, 1): [],
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}


def hashed(count: int) -> list[bytes]:
    return [merkle.leaf_hash(str(number).encode()) for number in range(count)]


@pytest.mark.parametrize("size", range(9))
def test_roots_are_the_published_ones(size: int) -> None:
    assert merkle.root([merkle.leaf_hash(leaf) for leaf in LEAVES[:size]]).hex() == ROOTS[size]


@pytest.mark.parametrize(("index", "size"), INCLUSION)
def test_inclusion_proofs_are_the_published_ones(index: int, size: int) -> None:
    leaves = [merkle.leaf_hash(leaf) for leaf in LEAVES[:size]]
    path = merkle.inclusion_proof(leaves, index)
    assert [node.hex() for node in path] == INCLUSION[index, size]
    assert merkle.verify_inclusion(leaves[index], index, size, path, bytes.fromhex(ROOTS[size]))


@pytest.mark.parametrize(("old", "size"), CONSISTENCY)
def test_consistency_proofs_are_the_published_ones(old: int, size: int) -> None:
    leaves = [merkle.leaf_hash(leaf) for leaf in LEAVES[:size]]
    path = merkle.consistency_proof(leaves, old)
    assert [node.hex() for node in path] == CONSISTENCY[old, size]
    assert merkle.verify_consistency(old, size, bytes.fromhex(ROOTS[old]), bytes.fromhex(ROOTS[size]), path)


def test_another_implementation_agrees_up_to_65_leaves() -> None:
    other = InmemoryTree(algorithm="sha256")
    for size in range(1, 66):
        other.append_entry(str(size - 1).encode())
        leaves = hashed(size)
        assert merkle.root(leaves) == other.get_root()
        for index in range(size):
            # pymerkle counts from 1 and puts the leaf itself at the head of its path.
            path = other.prove_inclusion(index + 1, size).path
            assert merkle.inclusion_proof(leaves, index) == list(path[1:])


def test_every_proof_up_to_65_leaves_holds() -> None:
    for size in range(66):
        leaves = hashed(size)
        tree = merkle.root(leaves)
        for index in range(size):
            assert merkle.verify_inclusion(leaves[index], index, size, merkle.inclusion_proof(leaves, index), tree)
        for old in range(size + 1):
            path = merkle.consistency_proof(leaves, old)
            assert merkle.verify_consistency(old, size, merkle.root(leaves[:old]), tree, path)


@given(st.integers(1, 40), st.data())
def test_no_changed_inclusion_proof_holds(size: int, data: st.DataObject) -> None:
    leaves = hashed(size)
    index = data.draw(st.integers(0, size - 1))
    path, tree = merkle.inclusion_proof(leaves, index), merkle.root(leaves)
    other = data.draw(st.integers(0, size + 2).filter(lambda at: at != index))
    assert not merkle.verify_inclusion(leaves[index], other, size, path, tree)
    assert not merkle.verify_inclusion(merkle.leaf_hash(b"other"), index, size, path, tree)
    assert not merkle.verify_inclusion(leaves[index], index, size, [*path, tree], tree)
    assert not merkle.verify_inclusion(leaves[index], index, size, path, merkle.node_hash(tree, tree))
    if path:
        assert not merkle.verify_inclusion(leaves[index], index, size, path[:-1], tree)


@given(st.integers(2, 40), st.data())
def test_a_rewritten_tree_is_never_consistent(size: int, data: st.DataObject) -> None:
    leaves = hashed(size)
    old = data.draw(st.integers(1, size - 1))
    changed = data.draw(st.integers(0, old - 1))
    rewritten = [*leaves[:changed], merkle.leaf_hash(b"rewritten"), *leaves[changed + 1 :]]
    path = merkle.consistency_proof(rewritten, old)
    assert not merkle.verify_consistency(old, size, merkle.root(leaves[:old]), merkle.root(rewritten), path)
    honest = merkle.consistency_proof(leaves, old)
    assert not merkle.verify_consistency(old, size, merkle.root(leaves[:old]), merkle.root(rewritten), honest)


def test_a_proof_outside_of_the_tree_is_an_error() -> None:
    with pytest.raises(IndexError):
        merkle.inclusion_proof(hashed(3), 3)
    with pytest.raises(IndexError):
        merkle.consistency_proof(hashed(3), 4)


def test_an_endless_proof_is_refused() -> None:
    assert not merkle.verify_inclusion(b"", 0, 1 << 70, [b"\0" * 32] * 70, b"")
    assert not merkle.verify_consistency(3, 1 << 70, b"", b"", [b"\0" * 32] * 70)


def test_growing_by_one_gives_the_same_root_as_building_anew() -> None:
    frontier: list[bytes] = []
    leaves = hashed(70)
    for size, leaf in enumerate(leaves):
        merkle.push(frontier, size, leaf)
        assert merkle.fold(frontier) == merkle.root(leaves[: size + 1])
