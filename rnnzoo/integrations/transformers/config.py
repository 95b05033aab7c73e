"""A language model's config, as `transformers` keeps one."""

from __future__ import annotations

from typing import Any, ClassVar

from transformers import PreTrainedConfig

from rnnzoo.integrations.transformers.names import hub_options, is_ours
from rnnzoo.models import LanguageModel
from rnnzoo.networks import LanguageNetConfig
from rnnzoo.text import Tokenizer
from rnnzoo.text.reading import start_token
from rnnzoo.zoo import load

__all__ = ["RnnzooConfig"]


class RnnzooConfig(PreTrainedConfig):
    """What a `RnnzooForCausalLM` is built from.

    Args:
        net: the fields of a `LanguageModelConfig`, as config.json of a zoo entry has them under ``model``.
        vocab_size: V. The tokenizer has one token more, its padding with the id V, which the net never sees.
        bos_token_id: where a text begins when nothing else is said: a line break, or token 0.
        unwritten: ids that are never to be written, such as ``<unk>``.
        hidden_size, num_hidden_layers: of the stack, for programs that ask.
        tie_word_embeddings: whether the output layer is the embedding table.
    """

    model_type = "rnnzoo"
    keys_to_ignore_at_inference: ClassVar[list[str]] = ["cache"]

    net: dict[str, Any] | None = None
    vocab_size: int = 0
    bos_token_id: int | None = None
    unwritten: list[int] | None = None
    hidden_size: int = 0
    num_hidden_layers: int = 0
    tie_word_embeddings: bool = False
    use_cache: bool = True

    @classmethod
    def of(cls, net: LanguageNetConfig, tokenizer: Tokenizer) -> RnnzooConfig:
        """The config of such a net over this vocabulary."""
        return cls(
            net=net.to_dict(),
            vocab_size=tokenizer.vocab_size,
            bos_token_id=start_token(tokenizer),
            unwritten=list(tokenizer.unwritten),
            hidden_size=net.backbone.hidden_size,
            num_hidden_layers=len(net.backbone.layers),
            tie_word_embeddings=net.tied and not net.adaptive_cutoffs,
            architectures=["RnnzooForCausalLM"],
        )

    @classmethod
    def from_pretrained(cls, name: Any, **options: Any) -> Any:
        """As `transformers` has it, and for what `rnnzoo.load` takes.

        Raises:
            UserError: there is no such model, or it is a translator.
        """
        if not is_ours(name):
            return super().from_pretrained(name, **options)
        model = load(name, kind=LanguageModel, **hub_options(options))
        found = cls.of(model.config, model.tokenizer)
        found._name_or_path = str(name)
        return (found, {}) if options.get("return_unused_kwargs") else found
