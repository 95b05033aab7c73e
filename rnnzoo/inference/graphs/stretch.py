"""Many steps of a language model in one call: graphs that read a text and graphs that write one, beside the step.

A model is traced once, in two parts: from a token to what the output layer gets, and the output layer. The graphs here
are these two, put together as ONNX: `step` is one after the other, `write` and `read` have them in a loop (Scan), so
that whoever runs a graph pays for one call where there were T, and all three have the same weights. What is done to the
logits, and how a token is drawn from them, is what `rnnzoo.runtime.sampling` does, which the tests hold it to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import Template
from typing import TYPE_CHECKING, Any

from rnnzoo.inference.graphs.onnx import require_onnx, to_onnx
from rnnzoo.inference.graphs.trace import features_graph, head_graph
from rnnzoo.networks import LanguageNet
from rnnzoo.runtime.sampling import SMALLEST_TEMPERATURE

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto

__all__ = ["language_graphs"]


def language_graphs(model: LanguageNet) -> dict[str, ModelProto]:
    """The graphs that `rnnzoo.runtime` runs a language model by.

    Returns:
        ``step``: tokens (B,), state -> logits (B, V), new state.

        ``write``: tokens (B,), draws (T, B), temperature, top_k, top_p, min_p (B,), state -> written (T, B), largest
        (T, B), new state: T tokens, each drawn by its number in [0, 1), or the most probable where the temperature is
        0. `largest` are the largest logits, which tell whether all of them are numbers.

        ``read``: tokens, targets (T, B), lengths (B,), scored (), state -> nats (T, B), new state. A row's state is
        that after its own length. `nats` are -ln p(target) where `scored` asks for them, else 0.

    Raises:
        UserError: a package of the extra ``export`` is missing.
    """
    require_onnx("onnx", "onnxscript")
    import onnx
    from onnx.compose import add_prefix_graph

    features, head = (onnx.load_from_string(to_onnx(part(model))) for part in (features_graph, head_graph))
    assert not features.functions
    one = add_prefix_graph(features.graph, "one.")
    last = add_prefix_graph(head.graph, "head.", rename_inputs=False, rename_outputs=False)
    states = {each.name: _type(each) for each in features.graph.input if each.name.startswith("state.")}
    words = _words(model, states) | {"hidden_size": _width(features.graph.output[0])}
    parts = {"Features": one.node, "Head": last.node}
    made = {}
    for name, text in {"step": _STEP, "write": _WRITE, "read": _READ}.items():
        graph = onnx.parser.parse_graph(Template(text).substitute(words))
        _fill(graph, parts)
        graph.initializer.extend([*one.initializer, *last.initializer])
        made[name] = onnx.helper.make_model(
            graph, opset_imports=features.opset_import, ir_version=features.ir_version, producer_name="rnnzoo"
        )
    return made


def _words(model: LanguageNet, states: Mapping[str, str]) -> dict[str, Any]:
    """What differs from model to model in the texts below."""

    def each(text: str, between: str = ", ") -> str:
        return between.join(
            text.format(name=name.removeprefix("state."), kind=kind, axes=list(range(1, kind.count(",") + 1)))
            for name, kind in states.items()
        )

    return {
        "vocab_size": model.vocab_size,
        "smallest": SMALLEST_TEMPERATURE,
        "unwritten": ", ".join(str(int(token in model.tokenizer.unwritten)) for token in range(model.vocab_size)),
        "states": each('"state.{name}"'),
        "new_states": each('"new_state.{name}"'),
        "typed_states": each('{kind} "state.{name}"'),
        "typed_new_states": each('{kind} "new_state.{name}"'),
        "typed_one_states": each('{kind} "one.state.{name}"'),
        "typed_one_new_states": each('{kind} "one.new_state.{name}"'),
        "typed_one_kept": each('{kind} "one.kept.{name}"'),
        "given": each('"one.state.{name}" = Identity ("state.{name}")', "\n"),
        "got": each('"new_state.{name}" = Identity ("one.new_state.{name}")', "\n"),
        "kept": each(
            '"axes.{name}" = Constant <value_ints = {axes}> ()\n'
            '"valid.{name}" = Unsqueeze (valid, "axes.{name}")\n'
            '"one.kept.{name}" = Where ("valid.{name}", "one.new_state.{name}", "one.state.{name}")',
            "\n",
        ),
    }


def _type(value: Any) -> str:
    """A state's type as the texts have it: ``float[batch,16]``."""
    from onnx import TensorProto

    tensor = value.type.tensor_type
    sizes = [str(dim.dim_value) for dim in tensor.shape.dim[1:]]
    return f"{TensorProto.DataType.Name(tensor.elem_type).lower()}[{','.join(['batch', *sizes])}]"


def _width(value: Any) -> int:
    return int(value.type.tensor_type.shape.dim[1].dim_value)


def _fill(graph: GraphProto, parts: Mapping[str, Sequence[NodeProto]]) -> None:
    """Puts a part's nodes where the text has the part's name, here and in the graphs of the nodes."""
    nodes = [new for node in graph.node for new in parts.get(node.op_type, [node])]
    for node in nodes:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                _fill(attribute.g, parts)
    graph.node.clear()
    graph.node.extend(nodes)


_STEP = """
step (int64[batch] tokens, $typed_states) => (float[batch,$vocab_size] logits, $typed_new_states) {
  "one.tokens" = Identity (tokens)
  $given
  hidden = Features ()
  hidden = Identity ("one.hidden")
  logits = Head (hidden)
  $got
}"""

_WRITE = """
write (
  int64[batch] tokens, double[steps,batch] draws,
  float[batch] temperature, int64[batch] top_k, double[batch] top_p, double[batch] min_p, $typed_states
) => (int64[steps,batch] written, float[steps,batch] largest, $typed_new_states)
< bool[$vocab_size] unwritten = {$unwritten},
  float none = {-inf}, float zero = {0}, double one = {1}, double nothing = {0}, float smallest = {$smallest},
  int64 no = {0}, int64 across = {1}, int64[1] axis = {1}, int64[1] size = {$vocab_size}, int64[1] end = {-1} >
{
  hottest = ReduceMax <keepdims = 0> (temperature)
  any_drawn = Greater (hottest, zero)
  most = ReduceMax <keepdims = 0> (top_k)
  least_share = ReduceMin <keepdims = 0> (top_p)
  greatest_least = ReduceMax <keepdims = 0> (min_p)
  any_top_k = Greater (most, no)
  any_top_p = Less (least_share, one)
  any_min_p = Greater (greatest_least, nothing)
  any_top = Or (any_top_k, any_top_p)
  any_filter = Or (any_top, any_min_p)
  warm = Max (temperature, smallest)
  divisor = Unsqueeze (warm, axis)
  is_drawn = Greater (temperature, zero)
  has_top_k = Greater (top_k, no)
  limits = Where (has_top_k, top_k, size)
  limit = Unsqueeze (limits, axis)
  share = Unsqueeze (top_p, axis)
  whole = GreaterOrEqual (share, one)
  logs = Log (min_p)
  least = Unsqueeze (logs, axis)
  count = Squeeze (size)
  rank = Range (no, count, across)
  is_first = Equal (rank, no)

  last, $new_states, written, largest = Scan <num_scan_inputs = 1, body = one (
    int64[batch] "one.tokens", $typed_one_states, double[batch] draw
  ) => (int64[batch] token, $typed_one_new_states, int64[batch] said, float[batch] height) {
    hidden = Features ()
    hidden = Identity ("one.hidden")
    every = Head (hidden)
    masked = Where (unwritten, none, logits)
    highest = ReduceMax (masked, axis)
    height = Squeeze (highest, axis)
    likeliest = ArgMax <axis = 1, keepdims = 0> (masked)
    token = If (any_drawn) <then_branch = drawn () => (int64[batch] chosen) {
      below = Sub (masked, highest)
      scores = Div (below, divisor)
      kept = If (any_filter) <then_branch = some () => (float[batch,$vocab_size] filtered) {
        ranked, order = TopK <axis = 1> (scores, size)
        in_limit = Greater (limit, rank)
        first_k = Where (in_limit, ranked, none)
        first_k_double = Cast <to = 11> (first_k)
        parts = Exp (first_k_double)
        sums = ReduceSum (parts, axis)
        shares = Div (parts, sums)
        up_to = CumSum (shares, across)
        before = Sub (up_to, shares)
        in_share = Less (before, share)
        in_share_or_first = Or (in_share, is_first)
        in_top_p = Or (in_share_or_first, whole)
        in_min_p = GreaterOrEqual (first_k_double, least)
        in_all = And (in_top_p, in_min_p)
        left = Where (in_all, first_k, none)
        shape = Shape (scores)
        empty = Expand (none, shape)
        filtered = ScatterElements <axis = 1> (empty, order, left)
      }, else_branch = all () => (float[batch,$vocab_size] unfiltered) {
        unfiltered = Identity (scores)
      }>
      kept_double = Cast <to = 11> (kept)
      weights = Exp (kept_double)
      heights = CumSum (weights, across)
      top = Gather <axis = 1> (heights, end)
      draw_column = Unsqueeze (draw, axis)
      level = Mul (draw_column, top)
      is_below = LessOrEqual (heights, level)
      below_count = Cast <to = 7> (is_below)
      place = ReduceSum <keepdims = 0> (below_count, axis)
      chosen = Where (is_drawn, place, likeliest)
    }, else_branch = greedy () => (int64[batch] likely) {
      likely = Identity (likeliest)
    }>
    said = Identity (token)
  }> (tokens, $states, draws)
}"""

_READ = """
read (int64[steps,batch] tokens, int64[steps,batch] targets, int64[batch] lengths, bool scored, $typed_states)
  => (float[steps,batch] nats, $typed_new_states)
< int64 no = {0}, int64 across = {1}, int64[1] axis = {1},
  int64[2] rows = {-1, $hidden_size}, int64[2] column = {-1, 1} >
{
  shape = Shape (tokens)
  steps = Gather (shape, no)
  times = Range (no, steps, across)
  times_column = Unsqueeze (times, axis)
  valid_steps = Less (times_column, lengths)

  $new_states, hiddens = Scan <num_scan_inputs = 2, body = one (
    $typed_one_states, int64[batch] "one.tokens", bool[batch] valid
  ) => ($typed_one_kept, float[batch,$hidden_size] said) {
    hidden = Features ()
    $kept
    said = Identity ("one.hidden")
  }> ($states, tokens, valid_steps)

  nats = If (scored) <then_branch = surprisals () => (float[steps,batch] surprisals) {
    hidden = Reshape (hiddens, rows)
    every = Head (hidden)
    log_probs = LogSoftmax <axis = 1> (logits)
    target_column = Reshape (targets, column)
    chosen = GatherElements <axis = 1> (log_probs, target_column)
    negative = Neg (chosen)
    surprisals = Reshape (negative, shape)
  }, else_branch = nothing () => (float[steps,batch] zeros) {
    zeros = ConstantOfShape (shape)
  }>
}"""
