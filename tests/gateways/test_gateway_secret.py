import copy
import json
import pickle

import pytest

from gateways.secret import Secret

SECRET = Secret("4242424242424242")


@pytest.mark.parametrize("said", [repr(SECRET), str(SECRET), f"{SECRET}", f"{SECRET:>40}", f"{[SECRET]}"])
def test_a_secret_masks_itself(said: str) -> None:
    assert "4242" not in said


@pytest.mark.parametrize("carry", [pickle.dumps, copy.deepcopy, json.dumps])
def test_a_secret_is_not_carried_away(carry: object) -> None:
    with pytest.raises(TypeError) as refused:
        carry(SECRET)  # type: ignore[operator]
    assert "4242" not in str(refused.value)


def test_a_secret_is_read_by_one_word_and_compared_by_value() -> None:
    assert SECRET.reveal() == "4242424242424242"
    assert Secret("4242424242424242") == SECRET
    assert Secret("1") != SECRET
    assert not Secret("")
