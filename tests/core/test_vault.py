"""What people write can be opened with the right key, in its own place, and by nobody else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import Sealed
from bot.messages import Channel
from bot.vault import Vault, seal, unseal

VAULT, OTHER = Vault(b"\x01" * 32), Vault(b"\x02" * 32)
KEY = b"k" * 32


@given(st.binary(max_size=300), st.text(max_size=40))
def test_what_was_sealed_comes_back(plain: bytes, context: str) -> None:
    context = context.encode("utf-8", "replace").decode()
    assert unseal(KEY, seal(KEY, plain, context), context) == plain


def test_the_same_words_never_look_the_same() -> None:
    assert seal(KEY, b"help", "a") != seal(KEY, b"help", "a")


def test_sealed_bytes_moved_to_another_key_stay_shut() -> None:
    sealed = VAULT.seal_transit(b"help", "nl:inbox:1")
    assert VAULT.unseal_transit(sealed, "nl:inbox:1") == b"help"
    with pytest.raises(Sealed):
        VAULT.unseal_transit(sealed, "nl:inbox:2")


def test_another_master_key_opens_nothing() -> None:
    sealed = VAULT.seal_transit(b"help", "here")
    with pytest.raises(Sealed):
        OTHER.unseal_transit(sealed, "here")
    person = VAULT.person(Channel.WEBCHAT, "1")
    _, wrapped = VAULT.new_data_key(person)
    with pytest.raises(Sealed):
        OTHER.data_key(wrapped, person)


def test_a_data_key_is_good_for_its_person_only() -> None:
    key, wrapped = VAULT.new_data_key("ana")
    assert VAULT.data_key(wrapped, "ana") == key
    with pytest.raises(Sealed):
        VAULT.data_key(wrapped, "bo")


@pytest.mark.parametrize("damaged", [b"", b"short", b"\x00" * 12, b"\x00" * 40])
def test_damaged_bytes_are_refused(damaged: bytes) -> None:
    with pytest.raises(Sealed):
        unseal(KEY, damaged, "here")


def test_every_changed_bit_is_noticed() -> None:
    sealed = seal(KEY, b"help", "here")
    for at in range(len(sealed)):
        changed = bytearray(sealed)
        changed[at] ^= 1
        with pytest.raises(Sealed):
            unseal(KEY, bytes(changed), "here")


def test_an_error_says_nothing_of_what_was_written() -> None:
    with pytest.raises(Sealed) as caught:
        unseal(KEY, seal(b"x" * 32, b"CANARY", "CANARY"), "CANARY")
    assert "CANARY" not in str(caught.value)


def test_a_pseudonym_names_one_person_at_one_door_under_one_key() -> None:
    names = {
        vault.person(channel, number)
        for vault in (VAULT, OTHER)
        for channel in Channel
        for number in ("1", "11", "2")
    }
    assert len(names) == 12
    assert all(len(name) == 40 and set(name) <= set("0123456789abcdef") for name in names)
    assert VAULT.person(Channel.TELEGRAM, "1") == Vault(b"\x01" * 32).person(Channel.TELEGRAM, "1")


def test_the_mark_of_a_word_differs_between_people() -> None:
    assert VAULT.word_mark("ana", "tulip") == VAULT.word_mark("ana", "tulip")
    assert VAULT.word_mark("ana", "tulip") != VAULT.word_mark("bo", "tulip")
    assert "tulip" not in VAULT.word_mark("ana", "tulip")


def test_the_engine_gets_keys_of_its_own() -> None:
    derived = {VAULT.engine_key, VAULT.engine_token, OTHER.engine_key, OTHER.engine_token}
    assert len(derived) == 4
    assert (b"\x01" * 32).hex() not in derived
