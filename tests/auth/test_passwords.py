"""Passwords."""

from __future__ import annotations

from service.auth import passwords


def test_the_right_password_holds() -> None:
    assert passwords.holds(passwords.hashed("correct horse battery"), "correct horse battery")


def test_a_wrong_password_does_not() -> None:
    assert not passwords.holds(passwords.hashed("correct horse battery"), "correct horse")


def test_nobody_has_no_password() -> None:
    assert not passwords.holds(None, "nobody has this password")


def test_a_hash_that_cannot_be_read_holds_nothing() -> None:
    assert not passwords.holds("plain", "plain")


def test_what_is_longer_than_a_password_may_be_is_not_cut_to_fit() -> None:
    longest = "x" * passwords.LONGEST
    assert not passwords.holds(passwords.hashed(longest), longest + "y")


def test_short_passwords_are_refused() -> None:
    assert passwords.fault("short")
