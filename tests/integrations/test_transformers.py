"""transformers' own classes, pipelines, `generate` and `Trainer` on models of the zoo: numbers and texts are ours."""

from __future__ import annotations

import json
import random
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import small_entry
import torch

from rnnzoo.errors import UserError
from rnnzoo.models import LanguageModel, LanguageModelConfig
from rnnzoo.text import ByteTokenizer, WordTokenizerConfig, load_tokenizer
from rnnzoo.text.reading import start_token
from rnnzoo.zoo import load

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(
        find_spec("transformers") is None, reason="transformers is not installed (make test-integrations)"
    ),
    pytest.mark.filterwarnings("ignore"),  # transformers' own
]

ROOT = Path(__file__).resolve().parents[2]
BLOCK = {"expansion": 1.0, "gate": "gelu", "mlp_expansion": 2.0, "conv_width": 4}
LSTM: dict[str, Any] = {"cell": "lstm", "hidden_size": 7, "num_layers": 2}
MODELS: dict[str, dict[str, Any]] = {
    "lstm": {},
    "tied": {"tied": True, "embedding_dim": 7, "backbone": LSTM},
    "projected": {"embedding_projection": 5, "output_projection": 4, "output_temperature": 1.3},
    "dropped": {"embedding_dropout": 0.1, "backbone": LSTM | {"weight_dropout": 0.4, "locked_dropout": True}},
    "mingru": {"backbone": {"cell": "mingru", "hidden_size": 8, "num_layers": 2, "residual": True}},
    "block": {"backbone": {"cell": "rglru", "hidden_size": 8, "num_layers": 2, "block": BLOCK}},
    "lru": {"backbone": {"cell": "lru", "hidden_size": 8}},
    "mlstm": {"backbone": {"cell": "mlstm", "hidden_size": 8}},
}
TEXTS = ["abc, de", "f", "gab.\nhe had"]


@pytest.fixture(scope="module")
def hf() -> Any:
    """The module, once it has taught transformers."""
    import rnnzoo.integrations.transformers as found

    return found


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> LanguageModel:
    return small_entry.small_model(**MODELS[request.param]).eval()


@pytest.fixture
def small() -> LanguageModel:
    return small_entry.small_model().eval()


def ids(model: LanguageModel, text: str) -> torch.Tensor:
    return torch.tensor([model.tokenizer.encode(text).tolist()])


def test_logits_loss_and_gradients_are_the_models_own(hf: Any, model: LanguageModel) -> None:
    found = hf.RnnzooForCausalLM.of(model)
    tokens = ids(model, "abc, def gab.\n" * 3)
    said = found(tokens, labels=tokens)
    assert torch.equal(said.logits, model(tokens)[0])
    total, _ = model.nll(tokens[:, :-1], tokens[:, 1:])
    assert said.loss.item() == pytest.approx(total.item() / (tokens.size(1) - 1), rel=1e-5)
    assert found(tokens, labels=tokens, num_items_in_batch=2).loss.item() == pytest.approx(total.item() / 2, rel=1e-5)
    labels = tokens.clone()
    labels[:, :10] = -100
    part = model.nll_of(model.features(tokens)[0][:, 9:-1], tokens[:, 10:])
    assert found(tokens, labels=labels).loss.item() == pytest.approx(part.item() / (tokens.size(1) - 10), rel=1e-5)
    said.loss.backward()
    assert all(parameter.grad is not None for parameter in found.parameters())


def test_what_is_saved_is_loaded_again(hf: Any, model: LanguageModel, tmp_path: Path) -> None:
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    found = hf.RnnzooForCausalLM.of(model)
    found.save_pretrained(tmp_path)
    hf.RnnzooTokenizer.of(model.tokenizer).save_pretrained(tmp_path)
    again = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert type(again) is hf.RnnzooForCausalLM
    assert not again.training
    assert AutoConfig.from_pretrained(tmp_path).to_dict() == again.config.to_dict()
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    batch = tokenizer(TEXTS, return_tensors="pt", padding=True)
    assert [tokenizer(text).input_ids for text in TEXTS] == [model.tokenizer.encode(text).tolist() for text in TEXTS]
    assert torch.allclose(again(**batch).logits, found(**batch).logits, atol=1e-6)
    if model.config.tied:
        assert again.net.head.weight is again.net.embedding.weight
    one = again.generate(**tokenizer("abc", return_tensors="pt"), do_sample=False, max_new_tokens=20)
    assert tokenizer.decode(one[0]) == "abc" + model.generate("abc", temperature=0, max_new_tokens=20)[0]


def test_padding_changes_nothing(hf: Any, model: LanguageModel) -> None:
    found, tokenizer = hf.RnnzooForCausalLM.of(model), hf.RnnzooTokenizer.of(model.tokenizer)
    for side in ("left", "right"):
        batch = tokenizer(TEXTS, return_tensors="pt", padding=True, padding_side=side)
        said = found(**batch)
        for row, (text, mask) in enumerate(zip(TEXTS, batch.attention_mask, strict=True)):
            alone = found(ids(model, text))
            assert torch.allclose(said.logits[row, mask.bool()], alone.logits[0], atol=1e-5)
        more = found(ids(model, "abc").T, cache=said.cache)  # a token for each row
        for row, text in enumerate(TEXTS):
            whole = model(ids(model, text + "abc"[row]))[0]
            assert torch.allclose(more.logits[row, -1], whole[0, -1], atol=1e-5)
    batch = tokenizer(TEXTS, return_tensors="pt", padding=True)
    greedy = found.generate(**batch, do_sample=False, max_new_tokens=15)
    for row, text in zip(tokenizer.batch_decode(greedy, skip_special_tokens=True), TEXTS, strict=True):
        assert row == text + model.generate(text, temperature=0, max_new_tokens=15)[0]


def test_padding_that_cannot_be_meant_is_refused(hf: Any, small: LanguageModel) -> None:
    found, tokens = hf.RnnzooForCausalLM.of(small), ids(small, "abcd")
    with pytest.raises(ValueError, match="padding stands inside a text"):
        found(tokens, attention_mask=torch.tensor([[1, 0, 1, 1]]))
    with pytest.raises(ValueError, match="padding alone"):
        found(tokens, attention_mask=torch.zeros(1, 4, dtype=torch.long))


def test_generate_reads_one_token_a_step(hf: Any, small: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    found, read = hf.RnnzooForCausalLM.of(small), []
    forward = type(found).forward

    def counted(self: Any, input_ids: torch.Tensor, **options: Any) -> Any:
        read.append(tuple(input_ids.shape))
        return forward(self, input_ids, **options)

    monkeypatch.setattr(type(found), "forward", counted)
    found.generate(ids(small, "abc, de"), do_sample=False, max_new_tokens=6)
    assert read == [(1, 7), *[(1, 1)] * 5]
    whole = found.generate(ids(small, "abc, de"), do_sample=False, max_new_tokens=6, use_cache=False)
    assert whole[0].tolist() == found.generate(ids(small, "abc, de"), do_sample=False, max_new_tokens=6)[0].tolist()


def test_a_beam_reorders_the_state(hf: Any, model: LanguageModel) -> None:
    found = hf.RnnzooForCausalLM.of(model)
    for width in (2, 5):
        best = found.generate(ids(model, "abc"), num_beams=width, do_sample=False, max_new_tokens=12)
        assert model.tokenizer.decode(best[0, 3:]) == model.generate("abc", beam=width, max_new_tokens=12)[0]


def test_sampling_draws_from_the_models_distribution(hf: Any, small: LanguageModel) -> None:
    found = hf.RnnzooForCausalLM.of(small)
    torch.manual_seed(1)
    drawn = found.generate(ids(small, "abc"), do_sample=True, top_k=0, max_new_tokens=1, num_return_sequences=4000)
    shares = torch.bincount(drawn[:, -1], minlength=small.vocab_size) / len(drawn)
    assert (shares - small(ids(small, "abc"))[0][0, -1].softmax(-1)).abs().max() < 0.03


def test_a_cache_is_gone_on_from_and_left_as_it_is(hf: Any, small: LanguageModel) -> None:
    found, tokens = hf.RnnzooForCausalLM.of(small), ids(small, "abc, def")
    first = found(tokens[:, :5], use_cache=True)
    for _ in range(2):
        rest = found(tokens[:, 5:], cache=first.cache)
        assert torch.allclose(rest.logits, small(tokens)[0][:, 5:], atol=1e-6)
    assert (first.cache.seen, rest.cache.seen) == (5, 8)
    more = found.generate(tokens, cache=first.cache, do_sample=False, max_new_tokens=5)
    assert torch.equal(more, found.generate(tokens, do_sample=False, max_new_tokens=5))
    with pytest.raises(ValueError, match="rows"):
        found(tokens.repeat(2, 1), cache=first.cache)
    assert found.train()(tokens).cache is None


def test_weights_that_are_not_the_configs_are_refused(hf: Any, small: LanguageModel, tmp_path: Path) -> None:
    hf.RnnzooForCausalLM.of(small).save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["net"]["backbone"]["num_layers"] = 3
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match="its weights are not those of its config"):
        hf.RnnzooForCausalLM.from_pretrained(tmp_path)


# -------------------------------------------------------------------------------------- the zoo


def test_a_name_of_the_zoo_is_known_everywhere(hf: Any, capsys: pytest.CaptureFixture[str]) -> None:
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, pipeline

    name = "char-rnn.tinyshakespeare"
    own = load(name, kind=LanguageModel)
    model, tokenizer = AutoModelForCausalLM.from_pretrained(name), AutoTokenizer.from_pretrained(name)
    assert AutoConfig.from_pretrained(name).net == own.config.to_dict()
    tokens = tokenizer("ROMEO:\nGo", return_tensors="pt").input_ids
    assert torch.allclose(model(tokens).logits, own(tokens)[0], atol=1e-5)
    (said,) = pipeline("text-generation", model=name)("ROMEO:", max_new_tokens=30, do_sample=False)
    assert said["generated_text"] == "ROMEO:" + own.generate("ROMEO:", temperature=0, max_new_tokens=30)[0]
    half = AutoModelForCausalLM.from_pretrained(name, dtype=torch.bfloat16)
    assert {parameter.dtype for parameter in half.parameters()} == {torch.bfloat16}
    with pytest.raises(UserError, match="quantization_config: of no meaning"):
        AutoModelForCausalLM.from_pretrained(name, quantization_config={"bits": 4})
    with pytest.raises(UserError, match="is a translator, and this takes a language model"):
        AutoModelForCausalLM.from_pretrained("mt-lstm.numbers-en-fr")


def test_runs_and_entries_are_known_by_their_folders(hf: Any, made: small_entry.Made) -> None:
    from transformers import AutoModelForCausalLM

    for place in (made.entry, str(made.run)):
        own = load(place, kind=LanguageModel)
        found = AutoModelForCausalLM.from_pretrained(place)
        assert torch.allclose(found(ids(own, "abc")).logits, own(ids(own, "abc"))[0], atol=1e-6)


def test_other_names_go_their_own_way(hf: Any, tmp_path: Path) -> None:
    from transformers import AutoConfig, AutoModelForCausalLM, GPT2Config

    from rnnzoo.integrations.transformers.names import is_ours

    GPT2Config(n_layer=1, n_embd=8, n_head=2, vocab_size=11).save_pretrained(tmp_path)
    assert type(AutoConfig.from_pretrained(tmp_path)) is GPT2Config
    assert (
        AutoModelForCausalLM.from_config(GPT2Config(n_layer=1, n_embd=8, n_head=2, vocab_size=11)).config.n_layer == 1
    )
    assert not any(map(is_ours, ("gpt2", "org/name", tmp_path, "char-rnn.no-such", None, 3)))
    assert all(map(is_ours, ("char-best.tinyshakespeare", "hub:org/name", ROOT / "pretrained" / "char-lstm.ptb")))


@pytest.mark.parametrize("entry", ["char-best.tinyshakespeare", "byte-lstm.open", "word-lstm.ptb-small"])
def test_ids_and_texts_are_those_of_the_models_tokenizer(hf: Any, entry: str, tmp_path: Path) -> None:
    own = load_tokenizer(ROOT / "pretrained" / entry / "tokenizer.json")
    hf.RnnzooTokenizer.of(own).save_pretrained(tmp_path)
    found = hf.RnnzooTokenizer.from_pretrained(tmp_path)
    strange = "a <pad> b" if own.kind != "char" else "a"
    for text in ("the king is dead\nlong live the king", "no it was n't", "\n\n", strange):
        assert found(text).input_ids == own.encode(text).tolist()
        assert found.decode(own.encode(text).tolist()) == own.decode(own.encode(text))
    assert (found.pad_token_id, len(found), found.padding_side) == (own.vocab_size, own.vocab_size + 1, "left")


def test_a_word_model_never_writes_what_it_does_not_know(hf: Any) -> None:
    torch.manual_seed(2)
    tokenizer = WordTokenizerConfig(min_count=2).build(["the cat sat on the mat the cat on it the sat on"])
    assert tokenizer.unwritten
    model = LanguageModelConfig.from_dict({"embedding_dim": 4, "backbone": {"hidden_size": 4}}).build(tokenizer).eval()
    with torch.no_grad():
        model.head.bias[list(tokenizer.unwritten)] = 50
    found = hf.RnnzooForCausalLM.of(model)
    tokens = ids(model, "the cat")
    said = found.generate(tokens, do_sample=False, max_new_tokens=9)[0, tokens.size(1) :]
    plain = model.generate("the cat", temperature=0, max_new_tokens=9)[0]
    assert not set(said.tolist()) & set(tokenizer.unwritten)
    assert tokenizer.decode(said).split() == plain.split()


def test_what_the_vocabulary_does_not_have_is_named(hf: Any, small: LanguageModel) -> None:
    with pytest.raises(UserError, match="the vocabulary has no 'Z'"):
        hf.RnnzooTokenizer.of(small.tokenizer)("abZ")


def test_a_text_without_a_prompt_begins_at_the_models_own_beginning(hf: Any, small: LanguageModel) -> None:
    found = hf.RnnzooForCausalLM.of(small)
    said = found.generate(do_sample=False, max_new_tokens=10)
    assert said[0, 0].item() == start_token(small.tokenizer)
    assert small.tokenizer.decode(said[0, 1:]) == small.generate("", temperature=0, max_new_tokens=10)[0]


def test_the_trainer_trains(hf: Any, here: Path) -> None:
    """What it saves while it trains is loaded again; the loss on what it has read falls."""
    import datasets
    from transformers import AutoModelForCausalLM, DataCollatorForLanguageModeling, Trainer, TrainingArguments

    model = hf.RnnzooForCausalLM.of(small_entry.small_model(tied=True, embedding_dim=7, backbone=LSTM))
    tokenizer = hf.RnnzooTokenizer.of(model.net.tokenizer)
    draw = random.Random(0)
    lines = ["had a bad egg.\n" * draw.randint(1, 3) for _ in range(64)]
    data = datasets.Dataset.from_dict({"text": lines}).map(lambda row: tokenizer(row["text"]), remove_columns=["text"])
    arguments = TrainingArguments(
        output_dir=str(here / "out"),
        max_steps=40,
        per_device_train_batch_size=8,
        gradient_accumulation_steps=2,
        learning_rate=0.05,
        save_steps=40,
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
    )
    trainer = Trainer(
        model=model,
        args=arguments,
        train_dataset=data,
        eval_dataset=data,
        data_collator=DataCollatorForLanguageModeling(tokenizer, mlm=False),
        processing_class=tokenizer,
    )
    before = trainer.evaluate()["eval_loss"]
    trainer.train()
    after = trainer.evaluate()["eval_loss"]
    assert before > 2
    assert after < 0.8 * before
    again = AutoModelForCausalLM.from_pretrained(here / "out" / "checkpoint-40")
    tokens = tokenizer("had a bad egg.\n", return_tensors="pt").input_ids
    assert torch.allclose(again(tokens).logits, model.eval()(tokens).logits, atol=1e-6)
    assert again.net.head.weight is again.net.embedding.weight


def test_bytes(hf: Any) -> None:
    tokenizer = hf.RnnzooTokenizer.of(ByteTokenizer())
    assert tokenizer.decode(tokenizer("naïve ☃").input_ids) == "naïve ☃"
