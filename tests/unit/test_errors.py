"""Errors say what, where and what to do, and travel between processes."""

from __future__ import annotations

import errno
import pickle

import pytest

from pyecod import errors
from pyecod.errors import BrokenInputError, ConfigError, PyecodError, UsageError, describe, is_disk_trouble, together

ALL = [e for e in vars(errors).values() if isinstance(e, type) and issubclass(e, PyecodError)]


@pytest.mark.parametrize(
    ("where", "hint", "text"),
    [
        (None, None, "it broke"),
        ("a.cif:3", None, "a.cif:3: it broke"),
        (None, "mend it", "it broke (mend it)"),
        ("a.cif", "mend it", "a.cif: it broke (mend it)"),
    ],
)
def test_the_text_has_what_where_and_hint(where, hint, text):
    assert str(PyecodError("it broke", where=where, hint=hint)) == text


@pytest.mark.parametrize("kind", ALL)
def test_every_error_survives_pickling(kind, tmp_path):
    error = kind("it broke", where=tmp_path, hint="mend it")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert (copy.what, copy.where, copy.hint, str(copy)) == ("it broke", str(tmp_path), "mend it", str(error))
    assert copy.exit_code in (2, 3)


def test_usage_and_configuration_end_with_code_two_and_the_rest_with_three():
    assert (UsageError("x").exit_code, ConfigError("x").exit_code, BrokenInputError("x").exit_code) == (2, 2, 3)


def test_a_reason_names_the_type_of_a_foreign_error():
    assert describe(BrokenInputError("cut off", where="a.cif")) == "a.cif: cut off"
    assert describe(ValueError("odd")) == "ValueError: odd"


def test_disk_trouble_is_told_from_other_errors():
    assert is_disk_trouble(OSError(errno.ENOSPC, "full"))
    assert not is_disk_trouble(OSError(errno.ENOENT, "absent"))
    assert not is_disk_trouble(ValueError("odd"))


def test_a_single_error_stays_what_it_is():
    error = BrokenInputError("odd", where="a:1", hint="mend it")
    assert together([error], "one is wrong", where="a") is error


def test_several_errors_are_one_of_their_kind():
    many = [ConfigError(f"odd {i}", where=f"a:{i}") for i in range(25)]
    error = together(many, "25 are wrong", where="a")
    assert type(error) is ConfigError
    lines = str(error).splitlines()
    assert lines[:2] == ["a: 25 are wrong:", "  a:0: odd 0"]
    assert lines[-1] == "  and 5 more"
    assert len(lines) == 22
