"""Language models of the zoo for `transformers`: importing this makes them known to its Auto classes.

::

    import rnnzoo.integrations.transformers
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained("char-best.tinyshakespeare")
    tokenizer = AutoTokenizer.from_pretrained("char-best.tinyshakespeare")

Nothing is downloaded that could be run. What `save_pretrained` wrote is loaded by any program that imports this.

Read from the top: names (what the Auto classes learn), model, cache, config, tokenizer.
"""

from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
from transformers.models.auto.feature_extraction_auto import AutoFeatureExtractor
from transformers.models.auto.image_processing_auto import AutoImageProcessor
from transformers.models.auto.processing_auto import AutoProcessor
from transformers.models.auto.video_processing_auto import AutoVideoProcessor

from rnnzoo.integrations.transformers.cache import RecurrentCache
from rnnzoo.integrations.transformers.config import RnnzooConfig
from rnnzoo.integrations.transformers.model import RnnzooForCausalLM
from rnnzoo.integrations.transformers.names import TextOnly, teach
from rnnzoo.integrations.transformers.tokenizer import RnnzooTokenizer

__all__ = ["RecurrentCache", "RnnzooConfig", "RnnzooForCausalLM", "RnnzooTokenizer"]

AutoConfig.register("rnnzoo", RnnzooConfig)
AutoModelForCausalLM.register(RnnzooConfig, RnnzooForCausalLM)
AutoTokenizer.register(RnnzooConfig, tokenizer_class=RnnzooTokenizer)
teach(AutoConfig, RnnzooConfig)
teach(AutoModelForCausalLM, RnnzooForCausalLM)
teach(AutoTokenizer, RnnzooTokenizer)
for other in (AutoProcessor, AutoImageProcessor, AutoVideoProcessor, AutoFeatureExtractor):  # `pipeline` asks them all
    teach(other, TextOnly)
