"""Vectors as text: the grammar, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vector_files import THREE, text, write

from rnnzoo.embeddings import load_vectors
from rnnzoo.errors import UserError

NUMBERS = st.one_of(
    st.floats(width=32, allow_nan=False, allow_infinity=False).map(repr),
    st.from_regex(r"[+-]?([0-9]{1,9}(\.[0-9]{0,9})?|\.[0-9]{1,9})([eE][+-]?[0-9]{1,2})?", fullmatch=True).filter(
        lambda numeral: abs(float(numeral)) < 3e38
    ),
)
TOKENS = st.text(st.characters(codec="utf-8", exclude_characters="\n\0"), min_size=1).filter(
    # what ASCII calls white space separates fields; inside a token, blanks come back as they were
    lambda token: token == token.strip(" \t\r\v\f") and not token.startswith("\ufeff")
)


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_whatever_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    dim = data.draw(st.integers(2, 5))
    rows = data.draw(
        st.dictionaries(TOKENS, st.lists(NUMBERS, min_size=dim, max_size=dim), min_size=1, max_size=6), label="rows"
    )
    header = data.draw(st.booleans(), label="header")
    end = data.draw(st.sampled_from(["\n", " \n", "\r\n", "\t \n"]), label="end of line")
    path = write(tmp_path_factory.getbasetemp(), text(rows, header=header, end=end))  # type: ignore[arg-type]
    vectors = load_vectors(path, list(rows), format="text", dim=dim)
    expected = np.array([[float(number) for number in row] for row in rows.values()]).astype(np.float32)
    np.testing.assert_array_equal(vectors.matrix, expected)
    assert vectors.found.all()
    assert (vectors.coverage.rows, vectors.coverage.exact, vectors.coverage.dim) == (len(rows), len(rows), dim)


@settings(deadline=None, max_examples=60)
@given(st.text(st.sampled_from("0123456789+-.eE_naifNAIF\u0661\u00b2x"), min_size=1, max_size=8))
def test_only_ascii_numerals_are_numbers(tmp_path_factory: pytest.TempPathFactory, field: str) -> None:
    path = write(tmp_path_factory.getbasetemp(), f"a 1 2\nb 1 {field}\n".encode())
    try:
        is_number = field.isascii() and "_" not in field and abs(float(field)) < 3.5e38
    except ValueError:
        is_number = False
    if is_number:
        assert load_vectors(path, ["b"], dim=2).matrix[0, 1] == np.float32(field)
    else:
        with pytest.raises(UserError, match=r"vectors, line 2: "):
            load_vectors(path, ["b"], dim=2)


@pytest.mark.parametrize(
    "numeral", ["nan", "inf", "-Infinity", "1_000", "\u0661", "0x1p3", "1e39", "1,5", "1.2.3", "e5", "+"]
)
def test_a_number_that_is_none_is_named(tmp_path: Path, numeral: str) -> None:
    path = write(tmp_path, f"a 1 2\nb 1 {numeral}\n".encode())
    with pytest.raises(UserError) as caught:
        load_vectors(path, ["b"])
    assert str(caught.value).startswith(f"{path}, line 2: ")
    assert numeral in str(caught.value) or numeral == "1e39"


def test_header_or_none(tmp_path: Path) -> None:
    plain, headed = write(tmp_path, text(THREE), "glove"), write(tmp_path, text(THREE, header=True), "vec")
    one, other = load_vectors(plain, ["of", "the"]), load_vectors(headed, ["of", "the"])
    np.testing.assert_array_equal(one.matrix, np.array([THREE["of"], THREE["the"]], np.float32))
    np.testing.assert_array_equal(one.matrix, other.matrix)
    assert one.coverage.rows == other.coverage.rows == 3


def test_a_token_of_digits_is_no_header(tmp_path: Path) -> None:
    path = write(tmp_path, b"3 1 2\n5 3 4\n")
    np.testing.assert_array_equal(load_vectors(path, ["3", "5"]).matrix, [[1, 2], [3, 4]])


def test_tokens_with_blanks_are_split_from_the_right(tmp_path: Path) -> None:
    path = write(tmp_path, b". . . 1 2 3\nthe 4 5 6\nNew 7 7 7\nat name@domain.com 8 8 8\nNew York 9 9 9\n")
    vectors = load_vectors(path, ["at name@domain.com", "at", "New York", "New", ". . ."])
    np.testing.assert_array_equal(vectors.matrix[[0, 2, 3, 4], 0], [8, 9, 7, 1])
    assert vectors.found.tolist() == [True, False, True, True, True]


def test_only_a_newline_ends_a_line(tmp_path: Path) -> None:
    odd = ["a\u2028b", "\x85", "x\u00a0y", "\u3000", "v\x1cw"]
    path = write(tmp_path, text({token: (i, 1) for i, token in enumerate(odd)}))
    assert load_vectors(path, odd).matrix[:, 0].tolist() == [0, 1, 2, 3, 4]


def test_byte_order_mark_and_missing_last_newline(tmp_path: Path) -> None:
    path = write(tmp_path, b"\xef\xbb\xbfthe 1 2\nof 3 4")
    assert load_vectors(path, ["the", "of"]).matrix.tolist() == [[1, 2], [3, 4]]


def test_tabs_separate_too(tmp_path: Path) -> None:
    path = write(tmp_path, b"the\t1\t2\nof\t3\t4\n")
    assert load_vectors(path, ["of"]).matrix.tolist() == [[3, 4]]


def test_of_duplicates_the_first_counts(tmp_path: Path) -> None:
    path = write(tmp_path, b"a 1 1\nb 2 2\na 3 3\na 4 4\nc 5 5\nc 6 6\n")
    vectors = load_vectors(path, ["a", "b"])
    assert vectors.matrix.tolist() == [[1, 1], [2, 2]]
    assert (vectors.coverage.duplicates, vectors.coverage.rows) == (2, 6)
    assert "2 duplicates left out" in str(vectors.coverage)


BAD: dict[str, tuple[bytes, str]] = {
    "fewer numbers": (b"a 1 2 3\nb 1 2\n", "line 2: a token and 3 numbers are expected, not 3 fields"),
    "more numbers": (b"a 1 2\nb 1 2 3\n", "line 2: ends in more than 2 numbers"),
    "more numbers than the header says": (b"2 2\na 1 2 3\nb 1 2\n", "line 2: ends in more than 2 numbers"),
    "nan in the first line": (b"a 1 nan 2\nb 1 2 3\n", "line 1: 'nan' is not a number"),
    "nan first in the first line": (b"a nan 2 3\nb 1 2 3\n", "line 1: 'nan' is not a number"),
    "nan last in the first line": (b"a 1 2 nan\nb 1 2 3\n", "line 1: 'nan' is not a number"),
    "a word in the first line": (b"a 1 x 2\nb 1 2 3\n", "line 1: 'x' is not a number"),
    "a blank line": (b"a 1 2\n\nb 1 2\n", "line 2: a token and 2 numbers are expected, not 0 fields"),
    "no token": (b"a 1 2\n 1 2\n", "line 2: a token and 2 numbers are expected, not 2 fields"),
    "two blanks": (b"a 1 2\nb  2\n", "line 2: a token and 2 numbers are expected, not 2 fields"),
    "not vectors": (b"version https://git-lfs.github.com/spec/v1\n", "line 1: is no token with its numbers"),
    "empty": (b"", ": is empty"),
    "header alone": (b"3 5\n", "the header claims 3 vectors of 11 bytes or more, the file has 0 bytes for them"),
    "header of nothing": (b"0 5\n", "the header claims no vectors"),
    "header without dimension": (b"3 0\na\n", "the header claims 0 numbers for each vector"),
    "header with more rows": (b"3 2\na 1 2\nb 3 4\n", "claims 3 vectors of 5 bytes or more, the file has 12 bytes"),
    "header with one row more": (b"3 2\na 1.00 2.00\nb 3 4\n", "line 1: the header claims 3 vectors, the file has 2"),
    "header with fewer rows": (b"1 2\na 1 2\nb 3 4\n", "line 1: the header claims 1 vectors, the file has 2"),
    "header with more numbers": (b"2 5\na 1.0 2 3 4\nb 1.0 2 3 4\n", "line 2: a token and 5 numbers are expected"),
    "header beyond reason": (b"1 99999999\na 1 2\n", "99,999,999 numbers for each vector; 1 to 16,384 are possible"),
    "Latin-1": ("a 1 2\nstraße 1 2\n".encode("latin-1"), "line 2: the token b'stra\\xdfe' is not UTF-8"),
    "UTF-16": ("a 1 2\nb 3 4\n".encode("utf-16"), "line 1: "),
    "a line without end": (b"a 1 2\nb " + b"1 " * 600_000, "line 2: is longer than 1,048,576 bytes"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_text_is_refused_with_its_line(tmp_path: Path, case: str) -> None:
    content, message = BAD[case]
    path = write(tmp_path, content)
    with pytest.raises(UserError) as caught:
        load_vectors(path, ["a", "b"], format="text")
    assert str(caught.value).startswith(str(path))
    assert message in str(caught.value)


def test_another_dimension_than_said(tmp_path: Path) -> None:
    path = write(tmp_path, text(THREE, header=True))
    with pytest.raises(UserError, match=r"the header claims 3 numbers for each vector, not 4"):
        load_vectors(path, ["the"], dim=4)
    with pytest.raises(UserError, match=r"line 1: a token and 4 numbers are expected, not 4 fields"):
        load_vectors(write(tmp_path, text(THREE)), ["the"], dim=4)


def test_lines_that_are_not_utf8_are_passed_over_on_request(tmp_path: Path) -> None:
    path = write(tmp_path, b"4 2\na 1 2\nstra\xdfe 1 2\nb\xe2\x82 1 2\nb 3 4\n")
    vectors = load_vectors(path, ["a", "b", "\ud800"], bad_tokens="skip")
    assert vectors.matrix[:2].tolist() == [[1, 2], [3, 4]]
    assert (vectors.coverage.skipped, vectors.coverage.rows) == (2, 4)
    assert "2 rows not UTF-8 left out" in str(vectors.coverage)
