"""A recurrent language model as a `PreTrainedModel`: its logits, its loss, and its state as the cache of `generate`."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from transformers import GenerationConfig, GenerationMixin, PreTrainedModel
from transformers.utils import ModelOutput

from rnnzoo import state as states
from rnnzoo.errors import UserError
from rnnzoo.inference.eval_mode import at_least_float32
from rnnzoo.integrations.transformers.cache import RecurrentCache
from rnnzoo.integrations.transformers.config import RnnzooConfig
from rnnzoo.integrations.transformers.names import hub_options, is_ours
from rnnzoo.models import LanguageModel, LanguageModelConfig
from rnnzoo.nn import IGNORED, LinearHead
from rnnzoo.shapes import Float, Int, Tensor
from rnnzoo.zoo import load

__all__ = ["CausalLMOutput", "RnnzooForCausalLM"]

_OF_NO_MEANING = ("trust_remote_code", "use_safetensors", "adapter_kwargs", "config", "weights_only", "code_revision")
"""Arguments that loaders pass on, and that change nothing for a model of the zoo."""


@dataclass
class CausalLMOutput(ModelOutput):
    """What a call gives.

    Attributes:
        loss: mean nll of the labels, in nats; None without labels.
        logits: (B, T, V). cache: what has been read; None where it was not asked for.
    """

    loss: torch.FloatTensor | None = None
    logits: torch.FloatTensor | None = None
    cache: RecurrentCache | None = None


class RnnzooForCausalLM(PreTrainedModel, GenerationMixin):
    """A language model of rnnzoo for `transformers`.

    Attributes:
        net: the `LanguageModel` itself. One of the zoo has its tokenizer; one that `transformers` has loaded or built
            has the size of a vocabulary only, and works on ids.

    Args:
        config: what it is built from. net: a model that there is already, instead of a new one.
    """

    config_class = RnnzooConfig
    base_model_prefix = "net"
    main_input_name = "input_ids"
    _is_stateful = True  # a state cannot be rolled back, so nothing is tried out on it
    _supports_sdpa = _supports_flash_attn = _supports_flex_attn = True  # there is no attention that they could change

    def __init__(self, config: RnnzooConfig, net: LanguageModel | None = None) -> None:
        super().__init__(config)
        if net is None:
            vocabulary: Any = SimpleNamespace(vocab_size=config.vocab_size)  # all that a net asks of its tokenizer
            net = LanguageModelConfig.from_dict(config.net or {}).build(vocabulary)
        self.net = net
        if config.tie_word_embeddings:
            self._tied_weights_keys = {"net.head.weight": "net.embedding.weight"}
        self.generation_config = GenerationConfig(
            bos_token_id=config.bos_token_id,
            pad_token_id=config.vocab_size,
            suppress_tokens=config.unwritten or None,
        )
        self.post_init()

    @classmethod
    def of(cls, model: LanguageModel) -> RnnzooForCausalLM:
        """The same model, not a copy of it, for `transformers`; in evaluation mode."""
        found: RnnzooForCausalLM = cls(RnnzooConfig.of(model.config, model.tokenizer), model).eval()
        return found

    @classmethod
    def from_pretrained(cls, name: Any, *arguments: Any, **options: Any) -> Any:
        """As `transformers` has it, and for a name of the zoo, a folder of rnnzoo, or ``hub:org/name``.

        Args:
            name: which model. arguments: for `transformers`.
            options: `dtype`, `device_map` (one device), `revision`, `token`, `cache_dir`, `local_files_only`, and all
                that `transformers` has for folders that `save_pretrained` wrote.

        Raises:
            UserError: there is no such model, its weights are not the ones that its config asks for, or an argument has
                no meaning for a model of the zoo.
        """
        if not is_ours(name):
            asked = options.pop("output_loading_info", False)
            found, info = super().from_pretrained(name, *arguments, output_loading_info=True, **options)
            if wrong := sorted({*info["missing_keys"], *info["unexpected_keys"], *info["mismatched_keys"]}, key=str):
                raise UserError(f"its weights are not those of its config.json: {wrong[0]}", path=name)
            found.net.tie()
            return (found, info) if asked else found
        hub = hub_options(options)
        dtype, old = options.pop("dtype", None), options.pop("torch_dtype", None)
        dtype = None if (dtype or old) == "auto" else dtype or old
        device = options.pop("device_map", None)
        unknown = [key for key in options if key not in _OF_NO_MEANING and not key.startswith("_") and options[key]]
        if unknown:
            raise UserError(f"{', '.join(unknown)}: of no meaning for a model of the zoo")
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        net = load(name, kind=LanguageModel, device="cpu" if device is None else device, dtype=dtype, **hub)
        return cls.of(net)

    def forward(
        self,
        input_ids: Int[Tensor, "B T"],
        attention_mask: Int[Tensor, "B S"] | None = None,
        labels: Int[Tensor, "B T"] | None = None,
        cache: RecurrentCache | None = None,
        use_cache: bool | None = None,
        logits_to_keep: int = 0,
        num_items_in_batch: Any = None,
        **_: Any,
    ) -> CausalLMOutput:
        """Logits of what follows each token.

        Args:
            input_ids: what is read after `cache`; where it is padding, any id.
            attention_mask: 0 where padding stands, to the left or right of a row's text, else 1; of these tokens or, as
                `generate` has it, of all since the beginning. Padding changes nothing.
            labels: targets, as in all of `transformers` the ids themselves: they are shifted here. -100 is not counted.
            cache: what was read before. use_cache: whether to give back what has been read; True when left out,
                but not in training.
            logits_to_keep: the last so many positions only; 0 for all.
            num_items_in_batch: what the loss is divided by, where it is not the labels of this batch.

        Raises:
            ValueError: padding stands inside a text, or a row is padding alone.
        """
        net, state = self.net, None if cache is None else cache.state
        if state is not None:
            states.check(state, input_ids.size(0))
        input_ids = input_ids.masked_fill(input_ids == self.config.vocab_size, 0)  # padding, for which there is no row
        mask = None if attention_mask is None else attention_mask[:, -input_ids.size(1) :]
        if state is not None and input_ids.size(1) == 1 and not self.training and (mask is None or bool(mask.all())):
            logits, state = net.step(input_ids[:, 0], state)
            logits = logits.unsqueeze(1)
        else:
            features, state = self._features(input_ids, mask, state)
            hidden = net.output_projection(net.output_dropout(features[:, -logits_to_keep:]))
            logits = net.head(hidden)
        loss = None
        if labels is not None:
            shifted = labels[:, 1:].flatten()
            flat = at_least_float32(logits[:, :-1]).flatten(0, 1)
            count = (shifted != IGNORED).sum().clamp(min=1) if num_items_in_batch is None else num_items_in_batch
            loss = F.cross_entropy(flat, shifted, ignore_index=IGNORED, reduction="sum") / count
        if use_cache is None:
            use_cache = self.config.use_cache and not self.training
        seen = input_ids.size(1) + (0 if cache is None else cache.seen)
        return CausalLMOutput(loss, logits, RecurrentCache(state, seen) if use_cache else None)

    def _features(
        self, tokens: Int[Tensor, "B T"], mask: Int[Tensor, "B T"] | None, state: Any
    ) -> tuple[Float[Tensor, "B T H"], Any]:
        """Of a padded batch, each text is moved to the left, where `lengths` says where it ends, and back again."""
        if mask is None or bool(mask.all()):
            return self.net.features(tokens, state)
        lengths, first = mask.sum(1), mask.ne(0).int().argmax(1)
        places = torch.arange(tokens.size(1), device=tokens.device)
        if not torch.equal(mask.ne(0), (places >= first.unsqueeze(1)) & (places < (first + lengths).unsqueeze(1))):
            raise ValueError("padding stands inside a text: attention_mask must be 1 without a gap")
        if bool((lengths == 0).any()):
            raise ValueError("a row is padding alone: begin an empty text with the tokenizer's id of a line break")
        there = (places + first.unsqueeze(1)) % tokens.size(1)
        back = (places - first.unsqueeze(1)) % tokens.size(1)
        features, state = self.net.features(tokens.masked_fill(mask == 0, 0).gather(1, there), state, lengths)
        return features.gather(1, back.unsqueeze(-1).expand_as(features)), state

    # ---------------------------------------------------------------------------- for transformers

    @classmethod
    def _supports_default_dynamic_cache(cls) -> bool:
        return False  # of keys and values

    def prepare_inputs_for_generation(
        self, input_ids: Tensor, cache: RecurrentCache | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        """Only what the cache has not read yet."""
        new = input_ids if cache is None else input_ids[:, cache.seen :]
        kept: dict[str, Any] = {
            name: kwargs[name] for name in ("attention_mask", "use_cache", "logits_to_keep") if name in kwargs
        }
        return {"input_ids": new, "cache": cache, **kept}

    def _reorder_cache(self, cache: RecurrentCache, beam_idx: Tensor) -> RecurrentCache:
        return cache.reordered(beam_idx)

    @classmethod
    def get_init_context(cls, *arguments: Any, **options: Any) -> list[Any]:
        """Builds nets with their numbers: some cells compute with their weights while they are made."""
        contexts = super().get_init_context(*arguments, **options)
        return [context for context in contexts if context != torch.device("meta")]

    def _init_weights(self, module: nn.Module) -> None:
        """A net has drawn its weights when it is built."""

    def get_input_embeddings(self) -> nn.Module:
        """The table of token vectors."""
        return self.net.embedding

    def get_output_embeddings(self) -> nn.Module | None:
        """The output layer; None where it is adaptive."""
        return self.net.head if isinstance(self.net.head, LinearHead) else None

    def resize_token_embeddings(self, *_: Any, **__: Any) -> Any:
        """Refuses: a new vocabulary is a matter of its tokenizer.

        Raises:
            UserError: always; it says what to use.
        """
        raise UserError("a vocabulary grows with its tokenizer: LanguageModel.with_tokenizer(tokenizer.extend(text))")
