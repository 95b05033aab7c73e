"""The corpora of many languages: books out of copyright, everyday sentences beside English, and labelled sentences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from rnnzoo.data.sources import CorpusEntry, CorpusFile, github

__all__ = ["TATOEBA_LICENCE", "book_entries", "joined_languages", "labelled_entries", "tatoeba_entries", "tatoeba_file"]

TATOEBA_LICENCE = "CC BY 2.0 (www.manythings.org/anki and tatoeba.org)"

_PUBLIC_DOMAIN = "public domain (the author died before 1926)"
_EDITED = "the text without title lines and editors' notes, which the copy at the source has"

_QUIJOTE = ("bsrdtoms/nlp-tp4-quijote", "ed37dbedf47245e443207452cd12fc4c3904c4c3")
_KALEVALA = ("aajanki/kalevala-rnn", "7d61436d02eacd912f4d3d20441a6afc64b3304c")
_SOSEKI = ("segavvy/wakatigaki-aozorabunko", "b36cb585fdff5b33dae466abc5020e0e2a5af1a2")
_PORTUGUESE = ("edmar-bevilaqua/books", "2d947905eb72e2fe6e218832b8c068ac2cc2fa3f")
_FAUST = ("builov/faust", "ebb13d3cd599fb2034d7c51860c24df3dda03f0b")
_GERMINAL = ("omarbenchh/TP_TAL", "28527fc378f1a4131b974214d7c1866855f27f33")
_COMMEDIA = ("DanieleVeri/deep_comedy", "c0c773b16867de2b4257b8e2c1765a94afc67f0d")
_PAN_TADEUSZ = ("bartoszkam96/text-generator", "e75dda5e175852991630ca8b347665e20e427516")

_BOOKS = (
    # file, bytes, sha256, repository at a commit, path there
    (
        *("de.goethe-faust", 192245, "264dabb2faf3c71158c6205cf2fe57a85796ae95ba477d8c110d19f93874cfd9"),
        *(_FAUST, "data/faust.txt"),
    ),
    (
        *("es.cervantes-quijote", 2128653, "324860e192e505defc975dd5d36f5927b2389910af5999b505f2a23404ad31ba"),
        *(_QUIJOTE, "quijote_clean.txt"),
    ),
    (
        *("fi.kalevala", 567811, "1a2227dafcfa34c5aba754c58c6fcbf47f52ee3712c3abdf591805cf3caa54dd"),
        *(_KALEVALA, "data/kalevala.txt"),
    ),
    (
        *("fi.kanteletar", 672779, "5ef3411eba2550d3e17ff14060fd5c8614d9b62d90c2a22b2527c2b0b00d8aac"),
        *(_KALEVALA, "data/kanteletar.txt"),
    ),
    (
        *("fr.zola-germinal", 1030050, "3d1180a5ca85783c0625e2c40dbb560d238ae2d9756202b610a6edb1ee936095"),
        *(_GERMINAL, "germinal.txt"),
    ),
    (
        *("it.dante-commedia", 543857, "e5fcd0636ab49a404a3ed8ac580576b8aeb6eb25f3bbc14284d697b423c616eb"),
        *(_COMMEDIA, "divina_commedia.txt"),
    ),
    (
        *("ja.soseki-kokoro", 482264, "06e73ef7324655d5c9b6ea8828bee5ecd60a6c9f209287903ecb5f5040604141"),
        *(_SOSEKI, "kokoro.txt"),
    ),
    (
        *("ja.soseki-neko", 956977, "2ed5a1a2f6b90729e42b930c575ee6f2ec7c9ed326f6852bd254b381ff422a36"),
        *(_SOSEKI, "neko.txt"),
    ),
    (
        *("ja.soseki-sanshiro", 508621, "9c7fb48689d44cda9cd8364f87e969939b598b29b93b0ac4045f5e6d18f0f753"),
        *(_SOSEKI, "sanshiro.txt"),
    ),
    (
        *("pl.mickiewicz-pan-tadeusz", 481178, "1bf4a33f08ebad64e23b3ed804e5123164ecab16d014ddfcc5231fae6296df52"),
        *(_PAN_TADEUSZ, "pan-tadeusz.txt"),
    ),
    (
        *("pt.camoes-os_lusiadas", 330823, "b361c26b15c2467ebef908070780167ced3fe7552074391ad3191bdc68aa5ed3"),
        *(_PORTUGUESE, "os_lusiadas.txt"),
    ),
    (
        *("pt.machado-dom_casmurro", 389147, "37bd459501489cccc6863ee3cef21aed2df9406955abedc9aea1a855f84cb090"),
        *(_PORTUGUESE, "dom_casmurro.txt"),
    ),
    (
        *("pt.machado-quincas_borba", 436580, "d4b51f609bc32ad0e01e8891081a3900ac68bf5d6407d0ecd609ea7f3e9cc159"),
        *(_PORTUGUESE, "quincas_borba.txt"),
    ),
)

_CORPORA = {
    # name: language, its files, what it is
    "faust": ("de", ("de.goethe-faust",), "Goethe, Faust"),
    "quijote": ("es", ("es.cervantes-quijote",), "Cervantes, Don Quijote"),
    "kalevala": ("fi", ("fi.kalevala",), "Lönnrot, Kalevala"),
    "kanteletar": ("fi", ("fi.kanteletar",), "Lönnrot, Kanteletar"),
    "germinal": ("fr", ("fr.zola-germinal",), "Zola, Germinal"),
    "commedia": ("it", ("it.dante-commedia",), "Dante, Divina Commedia"),
    "soseki": ("ja", ("ja.soseki-kokoro", "ja.soseki-neko", "ja.soseki-sanshiro"), "three novels by Natsume Sōseki"),
    "pan-tadeusz": ("pl", ("pl.mickiewicz-pan-tadeusz",), "Mickiewicz, Pan Tadeusz"),
    "lusiadas": ("pt", ("pt.camoes-os_lusiadas",), "Camões, Os Lusíadas"),
    "machado": ("pt", ("pt.machado-dom_casmurro", "pt.machado-quincas_borba"), "two novels by Machado de Assis"),
}

_TATOEBA = {
    # ISO 639-3 code: ISO 639-1 code, the language, file's bytes and sha256, _about.txt's sha256, repository at a commit
    "deu": (
        *("de", "German", 11884515, "d2c0444b2df0321990f989a50a34f48a91e3d5db2a128dea4f7f38a394884240"),
        "3bf2fb9d1ee5082aa4888a06056113f6ff4c20131ed7e91eee437f3e90514197",
        ("jhamburg/dats6450_nlp", "fc38d83c4353d753fb9b34d98e945cbc5fab2811"),
    ),
    "nld": (
        *("nl", "Dutch", 7236390, "4a966fc2f92d161a30462e3e2547eb10beeb2e76f54908f96a724fe95f438a3d"),
        "c598bd1ecb9fc9eb106dce56f450b038c10c143d9b066be28591867d23e52f4a",
        ("BMKessels/lstm_lecture", "2ef6fb5a6e851a258e29f348bc8c54a4dc04a530"),
    ),
    "jpn": (
        *("ja", "Japanese", 3467229, "01dd17b48849c81bf6ca2c9ecc2ae455244deeb4d036398f7d7c10881b327676"),
        "dd33b1896c916f495d8d6366025b9b04f924ac07ce67125d8e418dfc8adff5c9",
        ("efunstats/TABA-EN", "0f183bc087c0494fa9eb07effe00e63181629b5b"),
    ),
    "cmn": (
        *("zh", "Chinese", 1232454, "999355c08039aee252c58da5a30675d10408665808bb8cec9b9047a71662acf4"),
        "8816ebe6bb030ea6749d448ae2c211d61dba2015851e368a5f5b9b579bf0ae29",
        ("timmy0519/machine_translation", "4e3655173d124e706b8a175991b09d237c5d04de"),
    ),
}


def _book(stem: str, role: str = "all", folder: str = "") -> CorpusFile:
    size, sha256, repository, there = next(row[1:] for row in _BOOKS if row[0] == stem)
    sources = github(*repository, there, form="one-newline")
    return CorpusFile(f"{folder}{stem}.txt", size, sha256, sources, role)


def book_entries() -> Iterator[CorpusEntry]:
    """One corpus a book or author; several books are joined, each with a validation part of its own."""
    for name, (language, stems, about) in _CORPORA.items():
        several = len(stems) > 1
        yield CorpusEntry(
            name,
            "text",
            "joined" if several else "contiguous",
            _PUBLIC_DOMAIN,
            "" if several else "books",
            tuple(_book(stem, folder="books/" if several else "") for stem in stems),
            note=f"{about}; {_EDITED}",
            languages=(language,),
        )


def joined_languages(english: CorpusFile) -> CorpusEntry:
    """Nine languages one after the other.

    Args:
        english: a text in English, in a folder of its own.
    """
    books = [_book(stem, folder="books/") for _, stems, _ in _CORPORA.values() for stem in stems]
    german = replace(tatoeba_file("deu"), path="tatoeba-eng-deu/deu.txt", role="translations")
    return CorpusEntry(
        "nine-languages",
        "text",
        "joined",
        f"public domain; its German sentences {TATOEBA_LICENCE}",
        files=(english, german, *books),
        note="Shakespeare, the books in eight languages, and an eighth of the German sentences of tatoeba-eng-deu",
        languages=("de", "en", "es", "fi", "fr", "it", "ja", "pl", "pt"),
    )


def tatoeba_file(code: str) -> CorpusFile:
    """The table of a language's sentences beside English."""
    _, _, size, sha256, _, repository = _TATOEBA[code]
    return CorpusFile(f"{code}.txt", size, sha256, github(*repository, f"{code}-eng.zip", member=f"{code}.txt"))


def tatoeba_entries() -> Iterator[CorpusEntry]:
    """Everyday sentences, English beside one other language."""
    for code, (language, name, _, _, sha256, repository) in _TATOEBA.items():
        about = CorpusFile("_about.txt", 1441, sha256, github(*repository, f"{code}-eng.zip", member="_about.txt"))
        yield CorpusEntry(
            f"tatoeba-eng-{code}",
            "pairs",
            "grouped",
            TATOEBA_LICENCE,
            f"tatoeba-eng-{code}",
            (tatoeba_file(code), about),
            note=f"English, {name}; without the 1 in 32 English sentences that are kept aside for outside tests, "
            "which the copy at the source has",
            languages=("en", language),
        )


_SST2 = (
    ("train", 720259, "ec192f833a64da08f475488a77b0d0b47db47acd0f458bd18433fc793b569920"),
    ("dev", 92057, "eddea6b39e601dd4e7a672b53cc40fdf6019fa80522f351206c24340ca5d9359"),
    ("test", 188749, "831169c7e2e429d6026e1bdbb542f33b636e3e596caad9602ebc953c205928b7"),
)
_BANKING77 = (
    ("train.csv", 839073, "b06e26ac675513959a63135f11b94ea7786ed02da65db93a5650d8838cbc664b"),
    ("test.csv", 239961, "d12d6e3bc4c3103966ae786dc435913c0c563dfa328f5a3646d0e62cfeeb474d"),
    ("categories.json", 2036, "53261da888122daf2d120d925458631d9619e15d82e56052e7a42e535ce32b63"),
)
_NAMES = (
    ("Arabic", 13190, "6f424a8dbe51cbbbabab7a57d38b617210125e4e3991f3c657cb79b8f104bafc"),
    ("Chinese", 1246, "09ba8f1f7e38dbc99372d461b26ad4433b811fc6bfa6a3ecca6fe11a9a777465"),
    ("Czech", 3916, "e17ab0ec47616a72c39cb85c783f70c3663ab64488721e5d8378f146d2226be7"),
    ("Dutch", 2351, "924f32b635170eae561f84538632138fc07d4c8bbd70ba3fb980de1ecc4d2af3"),
    ("English", 27125, "9cca037066d3d5989e24bc01801416162de506b5e28e15b7c092a47905d29bf2"),
    ("French", 2178, "81e65b36c60ed5b89a17422f6edcadbb89546f38ad69e960e64e7ba682012a95"),
    ("German", 5610, "7449cd590b97a733e18d613a4155decd77ec35dc5f8aadd7a82204dce4f051db"),
    ("Greek", 1981, "3555b5186de7f401e6d991b088e9e644ca3099116477818c25ab5793801389e6"),
    ("Irish", 1858, "cf8c7013256252a88d2503127b87282a11f21b2ff6db1bded68834c19a1ec058"),
    ("Italian", 5657, "f88414c27d0606a11a678b4859277828c2565d6cc4d9ee932deef6e94f3b35e4"),
    ("Japanese", 7622, "e0e717e114fec3e7eade4d9dabe0067c475f43147e36a22b47902ee76ad9e67f"),
    ("Korean", 423, "cd54221ccb362a6cba4c78828838cf3268a0e59744767a37cf6ec4b74036b136"),
    ("Polish", 1165, "45bab898af2f60ed3a728bbf6980e28821011a7caa53227553b5785903a40826"),
    ("Portuguese", 554, "50a8735f41f4f73757c8ce5b16cb0275cd86b2b214bcbc8c9805f508cb131c53"),
    ("Russian", 85168, "0cfe53ac18041e8f63666aa77313e0a3ff378facb132abee052d8ebdc8c3d62c"),
    ("Scottish", 752, "78d0252711d87d948ea86fe34826c51d2d794a8e52d15b5d6f7b6244d45d62dd"),
    ("Spanish", 2284, "1bcb462ed3316756a85781d68232bddae04498fdddd5d9219c53fd1fbdeba7a7"),
    ("Vietnamese", 339, "f3f9e4164ab47601178a6e45b216464a64122f49d05541f24bf18a757253281d"),
)


def labelled_entries(french: CorpusFile) -> Iterator[CorpusEntry]:
    """Sentences, questions and surnames with a label each.

    Args:
        french: the table of French sentences beside English.
    """
    sst2 = ("clairett/pytorch-sentiment-classification", "457ffd83de90a9d6d472d8ffc31bbffe40a8b236")
    roles = {"train": "train", "dev": "valid", "test": "test"}
    yield CorpusEntry(
        "sst2",
        "labels",
        "files",
        "none stated (film reviews; Pang and Lee 2005, Socher et al. 2013): for research",
        "sst2",
        tuple(
            CorpusFile(f"{split}.tsv", size, sha256, github(*sst2, f"data/SST2/{split}.tsv"), roles[split])
            for split, size, sha256 in _SST2
        ),
        research_only=True,
        note="sentence and 1 (positive) or 0 (negative), in columns; the treebank's own split, whole sentences only",
        languages=("en",),
    )
    banking = ("PolyAI-LDN/task-specific-datasets", "57ec275d8078af65b7731c2a98be812d844a6d6b")
    yield CorpusEntry(
        "banking77",
        "labels",
        "files",
        "CC BY 4.0 (Casanueva et al. 2020)",
        "banking77",
        tuple(
            CorpusFile(path, size, sha256, github(*banking, f"banking_data/{path}"), path.partition(".csv")[0])
            if path.endswith(".csv")
            else CorpusFile(path, size, sha256, github(*banking, f"banking_data/{path}"))
            for path, size, sha256 in _BANKING77
        ),
        note="what a bank's customer wants, 77 intents: CSV of text and category; no validation part",
        languages=("en",),
    )
    names = ("spro/practical-pytorch", "c520c52e68e945d88fff563dba1c028b6ec0197b")
    yield CorpusEntry(
        "names",
        "labels",
        "stratified",
        "MIT (the repository's; its author collected the names from the web)",
        "names",
        tuple(
            CorpusFile(f"{language}.txt", size, sha256, github(*names, f"data/names/{language}.txt"), "all")
            for language, size, sha256 in _NAMES
        ),
        note="surnames, a file a language; some stand in two files",
    )
    codes = [*_TATOEBA]
    french = replace(french, path=f"tatoeba-eng-fra/{french.path}", role="pairs")
    others = (replace(tatoeba_file(code), path=f"tatoeba-eng-{code}/{code}.txt", role="pairs") for code in codes)
    yield CorpusEntry(
        "languages",
        "labels",
        "sides",
        TATOEBA_LICENCE,
        files=(french, *others),
        note="which language is a sentence in: all sides of the tatoeba-eng-... corpora",
        languages=("en", "fr", *(_TATOEBA[code][0] for code in codes)),
    )
