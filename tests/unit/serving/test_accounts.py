"""Roles, tokens, names and passwords."""

from __future__ import annotations

from datetime import timedelta

import jwt
import pytest
from argon2 import Type, extract_parameters
from sqlalchemy.orm import Session

from detection.domain.errors import InvalidInputError
from serving.accounts.errors import NotSignedInError, WeakPasswordError
from serving.accounts.roles import PERMISSIONS, Permission, Role, is_allowed
from serving.accounts.tokens import TokenClaims, issue_token, read_token
from serving.accounts.users import create_user, hash_password

KEY = "k" * 48
CLAIMS = TokenClaims(user_id=7, token_version=3)


def test_only_reviewers_decide_and_only_admin_manages_users() -> None:
    assert {role for role in Role if is_allowed(role, Permission.DECIDE)} == {
        Role.REVIEWER,
        Role.ARBITER,
        Role.ADMIN,
    }
    assert not is_allowed(Role.REVIEWER, Permission.ARBITRATE)
    assert {role for role in Role if is_allowed(role, Permission.MANAGE_USERS)} == {Role.ADMIN}
    assert PERMISSIONS[Role.OPERATOR] == {
        Permission.SEE_FLIGHTS,
        Permission.CHANGE_FLIGHTS,
        Permission.CALIBRATE,
    }
    assert not is_allowed(Role.ENGINEER, Permission.CHANGE_FLIGHTS)
    changes = {Permission.CHANGE_FLIGHTS, Permission.DECIDE, Permission.ARBITRATE}
    changes |= {Permission.MANAGE_LAYERS, Permission.MANAGE_USERS}
    assert not PERMISSIONS[Role.AUDITOR] & changes


def test_token_round_trip() -> None:
    token = issue_token(CLAIMS, secret_key=KEY, lifetime=timedelta(minutes=5))
    assert read_token(token, secret_key=KEY) == CLAIMS


def test_token_of_another_key_or_past_its_end_is_refused() -> None:
    token = issue_token(CLAIMS, secret_key=KEY, lifetime=timedelta(minutes=5))
    with pytest.raises(NotSignedInError):
        read_token(token, secret_key="x" * 48)
    over = issue_token(CLAIMS, secret_key=KEY, lifetime=timedelta(seconds=-1))
    with pytest.raises(NotSignedInError):
        read_token(over, secret_key=KEY)


@pytest.mark.parametrize(
    "payload",
    [
        {"sub": "7", "ver": 1, "iss": "hazardlens"},
        {"sub": "seven", "ver": 1, "iss": "hazardlens", "exp": 4e9, "iat": 1},
        {"sub": "7", "iss": "hazardlens", "exp": 4e9, "iat": 1},
        {"sub": "7", "ver": 1, "iss": "somebody", "exp": 4e9, "iat": 1},
    ],
)
def test_token_with_missing_or_strange_claims_is_refused(payload: dict[str, object]) -> None:
    token = jwt.encode(payload, KEY, algorithm="HS256")
    with pytest.raises(NotSignedInError):
        read_token(token, secret_key=KEY)


def test_short_password_is_refused() -> None:
    with pytest.raises(WeakPasswordError):
        hash_password("1234567")


def test_passwords_are_kept_as_a_slow_hash_of_much_memory() -> None:
    hashed = hash_password("a good password")
    found = extract_parameters(hashed)
    assert found.type is Type.ID
    assert found.memory_cost >= 2**16
    assert found.time_cost >= 3
    assert "good" not in hashed


@pytest.mark.parametrize("name", ["", "  ", "x" * 65, "a\x00b", "a\nb"])
def test_names_that_nobody_could_sign_in_with_are_refused(name: str) -> None:
    with pytest.raises(InvalidInputError):
        create_user(Session(), name, "a good password", Role.REVIEWER)
