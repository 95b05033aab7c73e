"""Bytes that text code gets wrong, written down one by one, and what must come of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnzoo.data import load_corpus
from rnnzoo.data.plain_text import TextForm
from rnnzoo.errors import UserError
from rnnzoo.text import ByteTokenizer, CharTokenizer, Tokenizer

# name: (bytes of the file, the text, or where it stops being UTF-8)
GOLDEN: dict[str, tuple[bytes, str | int]] = {
    "lf": (b"a\nb\n", "a\nb\n"),
    "crlf is a line end": (b"a\r\nb\r\n", "a\nb\n"),
    "so is that of old Macs": (b"a\rb\r", "a\nb\n"),
    "and all of them in turn": (b"a\r\r\n\n\rb", "a\n\n\n\nb"),
    "no newline at the end": (b"a\nb", "a\nb"),
    "blank lines": (b"\n\n \n", "\n\n \n"),
    "splitlines would split here": (
        b"a\x0bb\x0cc\x1cd\x1de\x1ef\xc2\x85g\xe2\x80\xa8h\xe2\x80\xa9i",
        "a\x0bb\x0cc\x1cd\x1de\x1ef\x85g\u2028h\u2029i",
    ),
    "strip would strip here": (b"\xc2\xa0a\xe3\x80\x80", "\xa0a\u3000"),
    "a leading BOM goes": (b"\xef\xbb\xbfab", "ab"),
    "a BOM inside stays": (b"a\xef\xbb\xbfb", "a\ufeffb"),
    "only one BOM goes": (b"\xef\xbb\xbf\xef\xbb\xbfab", "\ufeffab"),
    "NUL and DEL": (b"a\x00b\x7f", "a\x00b\x7f"),
    "NFC": (b"caf\xc3\xa9", "caf\xe9"),
    "NFD": (b"cafe\xcc\x81", "cafe\u0301"),
    "beyond the basic plane": (b"\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf", "\U0001f600\U0010ffff"),
    "the last before, the first after the surrogates": (b"\xed\x9f\xbf\xee\x80\x80", "\ud7ff\ue000"),
    "latin-1": (b"caf\xe9 au lait", 3),
    "an overlong slash": (b"a\xc0\xaf", 1),
    "an encoded surrogate (CESU-8)": (b"ab\xed\xa0\x80", 2),
    "beyond Unicode": (b"a\xf4\x90\x80\x80", 1),
    "cut in mid-character": (b"abc\xe2\x82", 3),
    "UTF-16 with its BOM": (b"\xff\xfea\x00\xe9\x00", "a\xe9"),
    "UTF-16, the high byte first": (b"\xfe\xff\x00a\x00\xe9", "a\xe9"),
    "UTF-32 with its BOM": (b"\xff\xfe\x00\x00a\x00\x00\x00\xe9\x00\x00\x00", "a\xe9"),
    "bad after a BOM": (b"\xef\xbb\xbfa\xff", 4),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_bytes_to_text_to_ids_and_back(name: str, tmp_path: Path) -> None:
    content, expected = GOLDEN[name]
    path = tmp_path / "text.txt"
    path.write_bytes(content)
    if isinstance(expected, int):
        with pytest.raises(UserError) as caught:
            load_corpus(files=[path])
        assert str(caught.value).startswith(f"{path}, byte {expected}: is not UTF-8")
        return
    splits = load_corpus(files=[path]).splits
    text = splits["train"] + splits["valid"]
    assert text == expected
    for tokenizer in (CharTokenizer.train([text]), ByteTokenizer()):
        assert tokenizer.decode(tokenizer.encode(text)) == text
    if not content.startswith((b"\xff\xfe", b"\xfe\xff")):
        kept = load_corpus(files=[path], form=TextForm(newlines="keep")).splits
        whole = kept["train"] + kept["valid"]
        assert bytes(ByteTokenizer().encode(whole)) == content.removeprefix(b"\xef\xbb\xbf")


@settings(deadline=None, max_examples=60)
@given(st.text(), st.booleans(), st.integers(1, 3), st.text(st.characters()))
def test_no_text_crashes_a_tokenizer(training: str, nfc: bool, min_count: int, text: str) -> None:
    tokenizers: list[Tokenizer] = [ByteTokenizer()]
    try:
        tokenizers.append(CharTokenizer.train([training], nfc=nfc, min_count=min_count))
    except UserError:
        assert not training or min_count > 1
    for tokenizer in tokenizers:
        dropped = tokenizer.encode(text, unknown="drop")
        assert dropped.ndim == 1
        assert not len(dropped) or dropped.max() < tokenizer.vocab_size
        assert np.array_equal(tokenizer.encode(tokenizer.decode(dropped)), dropped)
        whole = text.encode("utf-8", "surrogatepass") if tokenizer.kind == "byte" else text
        if len(dropped) < len(whole) and not getattr(tokenizer, "has_unk", False):
            if not getattr(tokenizer, "nfc", False):  # composing makes text shorter, too
                with pytest.raises(UserError) as caught:
                    tokenizer.encode(text)
                str(caught.value).encode()  # printable whatever the text held
            continue
        ids = tokenizer.encode(text)
        decoder = tokenizer.decoder()
        assert "".join([decoder.feed(int(i)) for i in ids]) + decoder.flush() == tokenizer.decode(ids)
