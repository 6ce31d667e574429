"""Bearer tokens and their hashes."""

from hcommon.tokens import hash_token, new_token


def test_tokens_are_never_the_same_and_keep_their_prefix() -> None:
    tokens = {new_token("6879-") for _ in range(100)}
    assert len(tokens) == 100
    assert {len(token) for token in tokens} == {5 + 43}
    assert all(token.startswith("6879-") for token in tokens)


def test_tokens_are_looked_up_by_their_sha256() -> None:
    assert hash_token("abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
