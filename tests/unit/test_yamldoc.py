from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pyecod.errors import BatchError, ConfigError, ReferenceDataError
from pyecod.yamldoc import DUMPER, load_yaml

PATH = Path("some.yaml")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.text(st.characters(codec="utf-8"), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abc_", min_size=1, max_size=5), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(VALUES)
@settings(deadline=None)
def test_plain_values_come_back(value: Any) -> None:
    text = yaml.dump(value, Dumper=DUMPER, allow_unicode=True)
    assert load_yaml(text.encode(), PATH, BatchError) == value


@given(st.text(max_size=200) | st.text("[]{}&*a:-\n !'\"|>0123456789.", max_size=80) | st.binary(max_size=60))
@settings(deadline=None)
def test_any_text_is_values_or_the_declared_error(text: str | bytes) -> None:
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    with suppress(ReferenceDataError):
        load_yaml(data, PATH, ReferenceDataError, hint="do that")


def test_objects_that_are_shared_may_stay_so() -> None:
    shared = {"a": [1, 2]}
    text = yaml.safe_dump({f"chain{number}": shared for number in range(5_000)})
    assert "*id001" in text
    assert load_yaml(text.encode(), PATH, BatchError)["chain4999"] == shared


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[" * 200_000, "nested too deeply"),
        ("{a: " * 200_000, "nested too deeply"),
        ("- " * 200_000, "nested too deeply"),
        ("a: &a [*a]", "stands for what it is in"),
        ("a: &a {b: *a}", "stands for what it is in"),
        ("a: " + "9" * 400, "of 400 digits is too large"),
        ("a: 1\nb: 2\na: 3", "'a' stands there twice"),
        ("a: !!python/name:os.system", "tag"),
        ("a: *b", "not valid YAML"),
        ("a: 2025-99-99", "not valid YAML"),
    ],
)
def test_what_is_not_harmless_is_refused_by_file_and_line(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        load_yaml(text.encode(), PATH, ConfigError)
    assert str(PATH) in str(caught.value)


@pytest.mark.parametrize("form", ["[{}]", "{{<<: [{}]}}"])
def test_a_bomb_of_aliases_is_seen_before_it_unfolds(form: str) -> None:
    lines = ["a0: &a0 {x: 1}"]
    lines += [f"a{n}: &a{n} " + form.format(", ".join([f"*a{n - 1}"] * 10)) for n in range(1, 20)]
    with pytest.raises(ConfigError, match="aliases of aliases"):
        load_yaml("\n".join(lines).encode(), PATH, ConfigError)


def test_a_text_may_only_be_so_large() -> None:
    with pytest.raises(ConfigError, match="larger than 10 bytes"):
        load_yaml(b"a: 123456789", PATH, ConfigError, largest=10)
