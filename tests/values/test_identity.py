"""When two calls are the same call: canonical text, and each normalisation."""

from __future__ import annotations

import json
import math
import sys
from enum import IntEnum
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speculate.identity import MAX_DEPTH, MAX_KEY_CHARACTERS, NORMALIZERS, canonical_json, is_json

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=12
)


class Level(IntEnum):
    ONE = 1


def typed(value: Any) -> Any:
    """The value with every type written out: what must decide whether two values are the same."""
    if isinstance(value, dict):
        return {key: typed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [typed(item) for item in value]
    return (type(value).__name__, repr(value))


def nested(levels: int) -> Any:
    value: Any = "leaf"
    for _ in range(levels):
        value = [value]
    return value


def test_values_of_different_types_are_different() -> None:
    """1, 1.0, true, "1" and their neighbours have a key each; -0.0 is not 0.0."""
    values = [1, 1.0, True, "1", None, "null", 0, 0.0, -0.0, False, "", [], {}, [1], [[1]], {"1": 1}, "true"]
    keys = [canonical_json(value) for value in values]
    assert None not in keys
    assert len(set(keys)) == len(values)


@given(JSON, JSON)
def test_two_values_share_a_key_only_if_they_are_equal_in_type_and_value(one: Any, other: Any) -> None:
    """Canonical text is injective on JSON values, and is itself JSON of the same value."""
    assert (canonical_json(one) == canonical_json(other)) == (typed(one) == typed(other))
    text = canonical_json(one)
    assert text is not None
    assert typed(json.loads(text)) == typed(one)


@given(st.dictionaries(TEXT, SCALARS, max_size=6))
def test_the_order_of_keys_has_no_bearing(value: dict[str, Any]) -> None:
    """An object written backwards is the same object."""
    assert canonical_json(dict(reversed(value.items()))) == canonical_json(value)


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        math.inf,
        -math.inf,
        b"bytes",
        (1, 2),
        {1, 2},
        object(),
        Level.ONE,
        {1: "a key that is no text"},
        [math.nan],
        {"deep": [{"er": b""}]},
        "\ud800",
        {"\udfff": 1},
        "\ud83d\ude00",
    ],
)
def test_what_is_no_json_value_has_no_identity(value: Any) -> None:
    """Not even what would pass for one: two half surrogates are no character."""
    assert canonical_json(value) is None


def test_characters_beyond_the_basic_plane_keep_their_identity() -> None:
    """They are written as a pair of escapes, like the halves that are refused; so is a text that looks like one."""
    assert canonical_json("\U0001f600") == '"\\ud83d\\ude00"'
    assert canonical_json("\\ud83d") == '"\\\\ud83d"'


def test_depth_and_size_are_bounded() -> None:
    """At the bound there is a key, beyond it there is none; a value that contains itself ends there, too."""
    assert canonical_json(nested(MAX_DEPTH)) is not None
    assert canonical_json(nested(MAX_DEPTH + 1)) is None
    assert is_json({"a": {}}, depth=2)
    assert not is_json({"a": {"b": 1}}, depth=1)
    endless: list[Any] = []
    endless.append(endless)
    assert canonical_json(endless) is None
    assert canonical_json("x" * (MAX_KEY_CHARACTERS - 2)) is not None
    assert canonical_json("x" * (MAX_KEY_CHARACTERS - 1)) is None


def test_an_integer_too_long_to_write_has_no_identity() -> None:
    """The interpreter refuses to write it; that is no error of the call."""
    limit = sys.get_int_max_str_digits()
    assert canonical_json(10 ** (limit - 1)) is not None
    assert canonical_json(10**limit) is None


@pytest.mark.parametrize("name", sorted(NORMALIZERS))
@given(value=JSON | st.text(max_size=12))
def test_normalising_twice_changes_nothing_more(name: str, value: Any) -> None:
    """Each is idempotent, never raises, and leaves what is no text (or number) alone."""
    normalise = NORMALIZERS[name]
    once = normalise(value)
    assert typed(normalise(once)) == typed(once)
    if not isinstance(value, str) and not (name == "number" and isinstance(value, float)):
        assert once is value


def test_strip_and_casefold() -> None:
    """Space around is dropped; casefold compares as Unicode does."""
    assert NORMALIZERS["strip"](" \ta B\n") == "a B"
    assert NORMALIZERS["casefold"](" Straße ") == "strasse"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("a//b/./c/", "a/b/c"),
        ("/a/", "/a"),
        ("/", "/"),
        ("//", "/"),
        ("./", "."),
        (".", "."),
        ("", ""),
        ("a/../b", "a/../b"),
        ("a b", "a b"),
        ("...", "..."),
    ],
)
def test_path(given: str, expected: str) -> None:
    """Empty and "." steps go; ".." stays, because through a symbolic link it may lead elsewhere."""
    assert NORMALIZERS["path"](given) == expected


@given(st.lists(st.sampled_from(["a", "b", "..", "."]), min_size=1, max_size=6), st.booleans())
def test_paths_are_the_same_exactly_if_their_steps_are(steps: list[str], rooted: bool) -> None:
    """Doubled slashes and dots never merge two paths that differ in a step."""
    head = "/" if rooted else ""
    padded = head + "".join(f"{step}//./" for step in steps)
    plain = head + "/".join(step for step in steps if step != ".")
    assert NORMALIZERS["path"](padded) == (plain or ".")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("HTTP://Example.COM", "http://example.com/"),
        ("  http://a/b ", "http://a/b"),
        ("http://a:80/x", "http://a/x"),
        ("https://a:443/", "https://a/"),
        ("http://a:443/", "http://a:443/"),
        ("https://a:80/", "https://a:80/"),
        ("http://a:/", "http://a/"),
        ("http://a/B/../C%2f?Q=%2F#part", "http://a/B/../C%2f?Q=%2F"),
        ("http://a?x=1", "http://a/?x=1"),
        ("http://a/?", "http://a/?"),
        ("http://a?#b", "http://a/?"),
        ("http://a/#b?", "http://a/"),
        ("http://[::1]:80/", "http://[::1]/"),
        ("http://[2001:DB8::1]:8080", "http://[2001:db8::1]:8080/"),
        ("http://[v1.abc]/", "http://[v1.abc]/"),
        ("ftp://Host/a", "ftp://host/a"),
    ],
)
def test_url(given: str, expected: str) -> None:
    """What RFC 3986, 6.2 calls equivalent by syntax and scheme, and no more than that."""
    assert NORMALIZERS["url"](given) == expected


@pytest.mark.parametrize(
    "text",
    [
        "no url",
        "/path",
        "//host/path",
        "mailto:A@b.c",
        "http://",
        "http://a:99999/",
        "http://a:port/",
        "http://[::1",
        "HTTP://User:Secret@host/",
        "http://@HOST",
        "http://a/b\tc",
        "http://a/b\nc",
        "HTTP://a/b c",
        "\x00HTTP://a/",
    ],
)
def test_what_is_no_plain_url_stays_as_it_stands(text: str) -> None:
    """Not a byte of it is changed: no case, no space, no control character."""
    assert NORMALIZERS["url"](text) == text


def test_hosts_that_only_fold_to_the_same_letters_are_different() -> None:
    """straße.de and strasse.de are two hosts."""
    assert NORMALIZERS["url"]("http://straße.de/") != NORMALIZERS["url"]("http://strasse.de/")


@given(
    st.sampled_from(["http", "HTTPS", "ftp"]),
    st.from_regex(r"[a-zA-Z0-9-]{1,8}(\.[a-z]{2})?", fullmatch=True),
    st.sampled_from(["", ":", ":80", ":443", ":8080"]),
    st.from_regex(r"(/[a-zA-Z0-9.%~_-]{0,5}){0,3}", fullmatch=True),
    st.sampled_from(["", "?", "?a=B&c"]),
    st.sampled_from(["", "#", "#top"]),
)
def test_a_normalised_url_names_the_same_thing(
    scheme: str, host: str, port: str, path: str, query: str, fragment: str
) -> None:
    """Scheme, host and port as given but for case and default; path and query untouched; no fragment."""
    url = NORMALIZERS["url"](f"{scheme}://{host}{port}{path}{query}{fragment}")
    parts = urlsplit(url)
    default = {"http": 80, "https": 443}.get(scheme.lower())
    asked = int(port[1:] or 0) or default
    assert (parts.scheme, parts.hostname) == (scheme.lower(), host.lower())
    assert (parts.port or default) == asked
    assert parts.path == (path or "/")
    assert url.endswith((path or "/") + query)
    assert not parts.fragment


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("1", 1),
        (" 1.0 ", 1),
        (1.0, 1),
        ("-0", 0),
        ("-0.0", 0),
        ("+7", 7),
        ("007", 7),
        ("1e3", 1000),
        ("0.1", 0.1),
        (" 2.50", 2.5),
        ("1.", 1),
        ("1e23", 1e23),
        (0.5, 0.5),
        (2.0**52, 2**52),
        (1e300, 1e300),
        ("1" + "0" * 400, 10**400),
        (10**400, 10**400),
        ("9007199254740993", 9007199254740993),
    ],
)
def test_number(given: Any, expected: Any) -> None:
    """A number in a text is that number, and a whole float is that integer."""
    assert typed(NORMALIZERS["number"](given)) == typed(expected)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "one",
        "1 2",
        "nan",
        "inf",
        "Infinity",
        "1e400",
        "1e-400",
        "1e99999999999999999999",
        "1_000",
        "１",
        "0x10",
        "1,5",
        ".5",
        "9007199254740993.0",
        "0.1000000000000000000001",
        "9" * 5000,
        math.inf,
        True,
        None,
        [1.0],
    ],
)
def test_what_is_no_exact_number_stays_as_it_stands(value: Any) -> None:
    """Words, other notations, and digits a float would round away: equal, never merely similar."""
    assert NORMALIZERS["number"](value) is value


def test_not_a_number_stays() -> None:
    """NaN is left for the key to refuse."""
    assert math.isnan(NORMALIZERS["number"](math.nan))


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**18), max_value=10**18, places=3))
def test_texts_of_different_numbers_never_become_the_same(number: Any) -> None:
    """The result, if it is a number at all, is written exactly like the text's value."""
    read = NORMALIZERS["number"](str(number))
    assert isinstance(read, str) or type(number)(repr(read)) == number
