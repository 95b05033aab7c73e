from __future__ import annotations

from rnnzoo.metrics import novelty, vocabulary, words


def test_words_are_runs_of_letters_whatever_their_case():
    assert words("O'er the 2 hills -- THE hills_and 'tis; don’t!") == [  # noqa: RUF001
        "o'er", "the", "hills", "the", "hills", "and", "tis", "don’t",  # noqa: RUF001
    ]  # fmt: skip


def test_other_scripts_and_both_forms_of_an_accent():
    assert words("Éte\u0301 Straße STRASSE Ура") == ["été", "strasse", "strasse", "ура"]  # noqa: RUF001


def test_new_words_are_counted():
    found = novelty("The cat thrunced and thrunced the blick.", "the CAT and the dog")
    assert found.words == 7
    assert found.new == {"thrunced": 2, "blick": 1}
    assert found.share == 3 / 7
    assert str(found) == "3 of 7 words (42.9%) are not in the training text: thrunced 2x, blick"


def test_the_reference_may_be_a_vocabulary():
    assert novelty("a b c", vocabulary("A B")) == novelty("a b c", "a b")


def test_a_word_that_was_cut_off_does_not_count():
    assert novelty("the ca", "the cat", cut=True).new == {}
    assert novelty("the ca", "the cat", cut=True).words == 1
    assert novelty("the ca ", "the cat", cut=True).new == {"ca": 1}
    assert novelty("the ca", "the cat").new == {"ca": 1}


def test_no_words():
    assert novelty("", "x").share == 0
    assert str(novelty("1 2 3", "x")) == "0 of 0 words (0.0%) are not in the training text"
