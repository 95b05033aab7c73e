"""A tokenizer of rnnzoo as one of `transformers`; the `tokenizers` library reads the same tokenizer.json."""

from __future__ import annotations

import itertools
import json
from typing import Any

import tokenizers
from transformers import PreTrainedTokenizerFast

from rnnzoo.errors import UserError
from rnnzoo.integrations.transformers.names import hub_options, is_ours
from rnnzoo.models import LanguageModel
from rnnzoo.text import Tokenizer, tokenizer_from_dict
from rnnzoo.zoo import load

__all__ = ["PAD", "RnnzooTokenizer"]

PAD = "<pad>"
"""The token behind the vocabulary that fills up batches. Text that reads so is text."""


class RnnzooTokenizer(PreTrainedTokenizerFast):
    """Text to ids and back, as the model's own tokenizer does it. Batches are padded on the left."""

    model_input_names = ("input_ids", "attention_mask")
    padding_side = "left"
    _own: Tokenizer | None = None  # there is no __init__: transformers rebuilds the tokenizers of classes that have one

    @classmethod
    def of(cls, tokenizer: Tokenizer) -> RnnzooTokenizer:
        """The tokenizer for `transformers` that gives the ids of `tokenizer`."""
        return cls(
            tokenizer_object=tokenizers.Tokenizer.from_str(tokenizer.to_json()),
            pad_token=PAD,
            clean_up_tokenization_spaces=False,
            split_special_tokens=True,
        )

    @classmethod
    def from_pretrained(cls, name: Any, *arguments: Any, **options: Any) -> Any:
        """As `transformers` has it, and for what `rnnzoo.load` takes."""
        if not is_ours(name):
            return super().from_pretrained(name, *arguments, **options)
        tokenizer = cls.of(load(name, kind=LanguageModel, **hub_options(options)).tokenizer)
        tokenizer.name_or_path = str(name)
        return tokenizer

    @property
    def own(self) -> Tokenizer:
        """The tokenizer of rnnzoo that this one is."""
        data = json.loads(self.backend_tokenizer.to_str())
        kept = [token for token in data["added_tokens"] if token["content"] != PAD]
        added = {"truncation": None, "padding": None, "post_processor": None}  # by transformers
        return tokenizer_from_dict({**data, **added, "added_tokens": kept})

    def _decode(self, token_ids: Any, skip_special_tokens: bool = False, **_: Any) -> str:
        """The text as `own` has it: words with the line breaks between them."""
        ids = [token_ids] if isinstance(token_ids, int) else list(token_ids)
        if self._own is None:
            self._own = self.own
        parts = []
        for padding, group in itertools.groupby(ids, lambda number: number == self.pad_token_id):
            numbers = list(group)
            if not padding:
                parts.append(self._own.decode(numbers))
            elif not skip_special_tokens:
                parts.append(PAD * len(numbers))
        return "".join(parts)

    def _encode_plus(self, text: Any, *arguments: Any, **options: Any) -> Any:
        try:
            return super()._encode_plus(text, *arguments, **options)
        except Exception as error:
            if "UNK" not in str(error):
                raise
            known = self.get_vocab()
            texts = [text] if isinstance(text, str) else text
            strange = sorted({c for one in texts if isinstance(one, str) for c in one if c not in known})
            raise UserError(f"the vocabulary has no {', '.join(map(repr, strange[:5]))}: leave them out") from None
