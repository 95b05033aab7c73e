from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor, nn

from rnnzoo.backbones import StackConfig
from rnnzoo.cells.gru import GRUConfig
from rnnzoo.decoding import SamplingConfig
from rnnzoo.errors import UserError
from rnnzoo.inference.eval_mode import CHUNK_LEN
from rnnzoo.inference.generation.generate import generate, stream
from rnnzoo.inference.generation.session import Session
from rnnzoo.models import LanguageModel, LanguageModelConfig
from rnnzoo.text import ByteTokenizer, CharTokenizer, Tokenizer
from rnnzoo.text.reading import left_out, start_token

CHARACTERS = CharTokenizer(sorted("\n abcdefgh."))
CONFIG = LanguageModelConfig(embedding_dim=8, backbone=StackConfig(hidden_size=12, num_layers=2))


def build(tokenizer: Tokenizer = CHARACTERS, config: LanguageModelConfig = CONFIG, seed: int = 0) -> LanguageModel:
    """A model with weights large enough to have opinions."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = config.build(tokenizer).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(2.5)
    return model


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return build()


class Scripted(nn.Module):
    """Says fixed tokens, one script a row, whatever it reads; then the last one again and again."""

    def __init__(self, tokenizer: Tokenizer, *scripts: str) -> None:
        super().__init__()
        self.tokenizer, self.vocab_size = tokenizer, tokenizer.vocab_size
        ids = [tokenizer.encode(s).tolist() for s in scripts]
        longest = max(map(len, ids))
        self.scripts = torch.tensor([i + i[-1:] * (longest - len(i)) for i in ids])

    def initial_state(self, batch_size: int) -> Tensor:
        return torch.zeros(batch_size, dtype=torch.int64)

    def step(self, tokens: Tensor, state: Tensor, memory: object = ()) -> tuple[Tensor, Tensor]:
        said = self.scripts[: len(tokens)].gather(1, state.clamp(max=self.scripts.size(1) - 1)[:, None])
        return torch.full((len(tokens), self.vocab_size), -9e9).scatter(1, said, 0.0), state + 1


def reference(model: LanguageModel, prompt: str, length: int) -> str:
    """Greedy, the long way: the whole text through `forward` for each new token."""
    ids = model.tokenizer.encode(prompt).tolist()
    for _ in range(length):
        with torch.no_grad():
            ids.append(int(model(torch.tensor([ids]))[0][0, -1].argmax()))
    return model.tokenizer.decode(ids)[len(prompt) :]


@pytest.mark.parametrize("prompt", ["a", "abc. fed\n", "\n"])
def test_greedy_is_what_forward_says(model, prompt):
    assert generate(model, prompt, max_new_tokens=30, temperature=0) == [reference(model, prompt, 30)]


def test_an_empty_prompt_is_a_new_line_or_token_0(model):
    options = {"max_new_tokens": 30, "seed": 0}
    assert generate(model, "", **options) == generate(model, "\n", **options)
    other = build(CharTokenizer("xyz"))
    assert generate(other, "", **options) == generate(other, "x", **options)
    assert [start_token(t) for t in (CHARACTERS, CharTokenizer("xyz"), ByteTokenizer())] == [0, 0, 10]
    assert start_token(CharTokenizer("xyz", has_unk=True)) == 0
    assert start_token(CharTokenizer("x\nz", has_unk=True)) == 2


def test_several_prompts_have_their_texts_each(model):
    alone = [model.generate(prompt, max_new_tokens=5, seed=3, num=2) for prompt in ("a", "b")]
    assert model.generate(["a", "b"], max_new_tokens=5, seed=3, num=2) == alone
    assert model.generate([]) == []


def test_the_same_seed_gives_the_same_text_and_each_row_is_what_it_is_alone(model):
    options = {"max_new_tokens": 40, "temperature": 0.9, "top_p": 0.95, "min_p": 0.01, "top_k": 9}
    four = generate(model, "ab", seed=5, num=4, **options)
    assert len(set(four)) == 4
    assert four == [generate(model, "ab", seed=5 + i, **options)[0] for i in range(4)]
    assert four[0] == "".join(stream(model, "ab", seed=5, **options))
    assert generate(model, "ab", **options) != generate(model, "ab", **options)


def test_the_models_own_methods_are_the_same(model):
    options = {"max_new_tokens": 20, "seed": 1}
    assert model.generate("ab", **options) == generate(model, "ab", **options)
    assert "".join(model.stream("ab", **options)) == generate(model, "ab", **options)[0]


def test_feeding_in_parts_is_feeding_at_once(model):
    whole = Session(model, seed=0).feed("abcdef. gh").generate(30)
    assert Session(model, seed=0).feed("abc").feed("").feed("def. gh").generate(30) == whole


def test_a_long_prompt_is_read_in_chunks(model):
    prompt = "abc. defgh\n" * (2 * CHUNK_LEN // 10)
    with torch.no_grad():
        logits = model(torch.from_numpy(CHARACTERS.encode(prompt).astype("int64"))[None])[0][0, -1]
    assert generate(model, prompt, max_new_tokens=1, temperature=0) == [CHARACTERS.decode([int(logits.argmax())])]


def test_generating_in_parts_is_generating_at_once(model):
    whole = Session(model, seed=3, num=2).feed("ab").generate(30)
    session = Session(model, seed=3, num=2).feed("ab")
    parts = [session.generate(n) for n in (1, 0, 9, 20)]
    assert ["".join(row) for row in zip(*parts, strict=True)] == whole


def test_a_conversation_reads_its_own_words_and_what_is_fed(model):
    session = Session(model, seed=0).feed("ab")
    first = session.generate(10, temperature=0)[0]
    second = session.feed("gh.").generate(10, temperature=0)[0]
    assert second == reference(model, "ab" + first + "gh.", 10)


def test_rows_that_have_parted_are_all_fed(model):
    session = Session(model, seed=1, num=3).feed("ab")
    first = session.generate(8)
    second = session.feed("gh.").generate(10, temperature=0)
    assert second == [reference(model, "ab" + text + "gh.", 10) for text in first]


def test_a_stream_may_be_left_early(model):
    whole = "".join(Session(model, seed=2).feed("ab").stream(30))
    session = Session(model, seed=2).feed("ab")
    first = "".join(itertools.islice(session.stream(30), 11))
    assert first + session.generate(19)[0] == whole


def test_a_stream_notices_that_the_session_went_elsewhere(model):
    session = Session(model, seed=2)
    pieces = session.stream(10)
    next(pieces)
    session.feed("a")
    with pytest.raises(RuntimeError, match="elsewhere"):
        next(pieces)


def test_a_fork_is_independent_and_continues_alike(model):
    session = Session(model, seed=0, num=2).feed("ab")
    session.generate(5)
    fork, other = session.fork(), session.fork(seed=9)
    assert other.generate(30) != fork.generate(30)
    fork.feed("gh")
    again = session.fork()
    assert session.generate(30) == again.generate(30)


@pytest.mark.parametrize("fed", ["", "a", "abc"])
@pytest.mark.parametrize("generated", [0, 7])
@pytest.mark.parametrize("num", [1, 3])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_saving_and_loading_changes_nothing(tmp_path, model, fed, generated, num, cell):
    if cell == "gru":
        model = build(config=LanguageModelConfig(embedding_dim=8, backbone=StackConfig(GRUConfig(), hidden_size=9)))
    session = Session(model, seed=4, num=num).feed(fed)
    session.generate(generated)
    session.save(tmp_path / "s.session")
    loaded = Session.load(tmp_path / "s.session", model)
    assert [p.name for p in tmp_path.iterdir()] == ["s.session"]
    assert loaded.generate(25, temperature=0.9) == session.generate(25, temperature=0.9)
    assert loaded.feed("ab").generate(9) == session.feed("ab").generate(9)


def test_a_session_of_another_model(tmp_path, model):
    path = tmp_path / "s.session"
    Session(model).feed("ab").save(path)
    with pytest.raises(UserError, match=r"s\.session: was saved with another model: its weights"):
        Session.load(path, build(seed=1))
    with pytest.raises(UserError, match="another model: its vocabulary"):
        Session.load(path, build(CharTokenizer("\n bacdefgh.")))
    with pytest.raises(UserError, match="another model: its state"):
        Session.load(path, build(config=LanguageModelConfig(8, backbone=StackConfig(hidden_size=13, num_layers=2))))
    with pytest.raises(UserError, match="another model: its state"):
        Session.load(path, build().double())


def test_a_damaged_session(tmp_path, model):
    from safetensors.torch import save_file

    path = tmp_path / "s.session"
    with pytest.raises(UserError, match=r"s\.session: is missing"):
        Session.load(path, model)
    with pytest.raises(UserError, match="cannot be read"):
        Session.load(tmp_path, model)
    Session(model, num=2).feed("ab").save(path)
    data = path.read_bytes()
    for damaged in (b"", b"hello", data[:-1], data[:100], data.replace(b"rnnzoo.session.1", b"rnnzoo.session.9")):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=r"s\.session: not a session"):
            Session.load(path, model)
    save_file({"tokens": torch.zeros(1)}, path)
    with pytest.raises(UserError, match="not a session"):
        Session.load(path, model)


@pytest.mark.parametrize(
    ("name", "tensor"),
    [
        ("tokens", torch.tensor([0, 999])),
        ("tokens", torch.tensor([0.0, 1.0])),
        ("tokens", torch.tensor([0, 1, 2])),
        ("random", torch.zeros(2, 3, dtype=torch.uint8)),
        ("random", torch.full((2, 5056), 255, dtype=torch.uint8)),
        ("random", torch.zeros(2)),
        ("random", None),
    ],
)
def test_a_session_with_senseless_values(tmp_path, model, name, tensor):
    from safetensors import safe_open
    from safetensors.torch import save_file

    path = tmp_path / "s.session"
    session = Session(model, num=2).feed("ab")
    session.generate(3)
    session.save(path)
    with safe_open(path, "pt") as file:
        tensors, metadata = {key: file.get_tensor(key) for key in file.keys()}, file.metadata()  # noqa: SIM118
    del tensors[name]
    save_file(tensors | ({} if tensor is None else {name: tensor}), path, metadata)
    with pytest.raises(UserError, match=r"another model|not a session"):
        Session.load(path, model)


def test_an_unwritable_path_leaves_nothing_behind(tmp_path, model):
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="folder: cannot be written"):
        Session(model).save(tmp_path / "folder")
    with pytest.raises(UserError, match="cannot be written"):
        Session(model).save(tmp_path / "folder" / ("s" * 300))
    assert [p.name for p in tmp_path.rglob("*")] == ["folder"]


def test_stop_strings_end_each_row_by_itself():
    model = Scripted(CHARACTERS, "abc.\n\ndef", "abc.\nd\n\nef")
    assert generate(model, num=2, max_new_tokens=12, stop="\n\n") == ["abc.", "abc.\nd"]
    assert generate(model, num=2, max_new_tokens=4, stop="\n\n") == ["abc.", "abc."]
    assert generate(model, num=2, max_new_tokens=5, stop="\n\n") == ["abc.\n", "abc.\n"]
    assert generate(model, num=2, max_new_tokens=12, stop=["\n", "c"]) == ["ab", "ab"]
    assert list(stream(model, max_new_tokens=12, stop="\n\n")) == ["a", "b", "c", "."]


def test_after_a_stop_string_the_row_goes_on():
    session = Session(Scripted(CHARACTERS, "abc.\n\ndefgh", "ab\n\nc.defgh"), num=2)
    assert session.generate(20, stop="\n\n") == ["abc.", "ab"]
    assert session.generate(3) == ["def", "c.d"]


def test_stopped_rows_do_not_change_the_others(model):
    texts = generate(model, num=6, seed=0, max_new_tokens=60)
    stopped = generate(model, num=6, seed=0, max_new_tokens=60, stop="ab")
    assert stopped == [text.split("ab")[0] for text in texts]
    assert any("ab" in text for text in texts)
    assert not all("ab" in text for text in texts)


def test_bytes_are_joined_to_characters_before_they_are_given_out(tmp_path):
    said = "aé€😀."
    model = Scripted(ByteTokenizer(), said)
    assert list(stream(model, max_new_tokens=11)) == list(said)
    session = Session(model)
    assert [session.generate(1)[0] for _ in range(11)] == ["a", "", "é", "", "", "€", "", "", "", "😀", "."]
    session = Session(model)
    assert session.generate(8) == ["aé€"]
    session.save(tmp_path / "s")
    loaded = Session.load(tmp_path / "s", model)
    assert session.generate(3) == loaded.generate(3) == ["😀."]


def test_a_character_cut_off_at_the_end():
    model = Scripted(ByteTokenizer(), "aé€😀.")
    assert generate(model, max_new_tokens=8) == ["aé€�"]
    assert "".join(stream(model, max_new_tokens=8)) == "aé€�"
    session = Session(model)
    session.generate(8)
    assert session.flush() == ["�"]
    assert session.flush() == [""]
    assert generate(model, max_new_tokens=11, stop="€") == ["aé"]


def test_a_byte_model_says_anything_without_a_crash():
    model = build(ByteTokenizer())
    text = generate(model, "é", max_new_tokens=300, temperature=5.0, seed=0)[0]
    assert "�" in text
    pieces = Session(model, seed=0).feed("é")
    assert "".join(pieces.stream(300, temperature=5.0)) + pieces.flush()[0] == text


def test_unknown_characters_of_a_prompt(model):
    with pytest.raises(UserError, match="'Z'"):
        generate(model, "aZb")
    with pytest.raises(UserError, match="'Z'"):
        stream(model, "aZb")  # before the first piece
    options = {"seed": 0, "max_new_tokens": 20}
    assert generate(model, "aZbÉ", unknown="drop", **options) == generate(model, "ab", **options)
    assert generate(model, "ZZ", unknown="drop", **options) == generate(model, "", **options)
    session = Session(model, seed=0).feed("a")
    with pytest.raises(UserError):
        session.feed("bZ")
    assert session.feed("b").generate(20) == generate(model, "ab", **options)
    assert left_out(CHARACTERS, "aZbÉZ") == ["Z", "É"]
    assert left_out(CharTokenizer("eé", nfc=True), "e\u0301x") == ["x"]
    assert left_out(CharTokenizer("eé"), "e\u0301x") == ["\u0301", "x"]


def test_values_out_of_range(model):
    for options in ({"temperature": -1}, {"top_k": -1}, {"num": 0}, {"max_new_tokens": -1}, {"stop": ""}):
        with pytest.raises(UserError):
            generate(model, **options)
    for options in ({"temperature": -1}, {"max_new_tokens": -1}, {"stop": ""}):
        with pytest.raises(UserError):
            stream(model, **options)  # before the first piece
    with pytest.raises(UserError, match="3 rows"):
        Session(model, num=3).stream(1)
    with pytest.raises(TypeError, match="one or the other"):
        Session(model).generate(1, SamplingConfig(), temperature=1.0)
    assert generate(model, max_new_tokens=0, num=2) == ["", ""]


def test_dropout_is_off_while_it_speaks_and_the_mode_comes_back():
    config = LanguageModelConfig(8, 0.2, 0.5, StackConfig(hidden_size=12, num_layers=2, weight_dropout=0.5), 0.5)
    model = build(config=config)
    options = {"seed": 0, "max_new_tokens": 30}
    expected = generate(model, "abcd", **options)
    model.train()
    model.head.eval()  # one part that somebody froze
    modes = [module.training for module in model.modules()]
    before = torch.random.get_rng_state()
    assert generate(model, "abcd", **options) == expected
    assert [module.training for module in model.modules()] == modes
    assert torch.equal(before, torch.random.get_rng_state())


def test_speaking_leaves_no_gradients_and_the_model_trains_on(model):
    session = Session(model).feed("abc")
    session.generate(3)
    assert not any(leaf.requires_grad for leaf in torch.utils._pytree.tree_leaves(session._state))
    model(torch.tensor([[1, 2]]), session._state)[0].sum().backward()
    model.zero_grad()
