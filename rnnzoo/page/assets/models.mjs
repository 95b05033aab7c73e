// A language model and a translator over the runtime: what they read, what they expect, what they look at.

import { beamSearch } from './beam.mjs'
import { Graph } from './graph.mjs'
import { Products } from './products.mjs'
import { draw, largest, probabilities } from './sampling.mjs'
import { Tensor, filled, ints, rows } from './tensor.mjs'
import { plainSpaces, tokenizerOf } from './text.mjs'

export function modelOf({ json, constant }, options) {
  return json.kind === 'translator' ? new Translator(json, constant, options) : new LanguageModel(json, constant, options)
}

class Model {
  constructor(json, constant, options) {
    this.name = json.name
    this.facts = json.facts
    this.json = json
    this.tokenizer = tokenizerOf(json.tokenizer)
    this.unwritten = json.unwritten
    const products = new Products(options)
    this.graphs = {}
    for (const part in json.graphs) this.graphs[part] = new Graph(json.graphs[part], constant, products)
  }

  // One token further in each row: { logits (rows, V), state, taps }.
  step(tokens, state, memory = {}, taps = null) {
    const found = this.graphs.step.run({ tokens: ints(tokens), ...state, ...memory }, taps)
    const next = {}
    for (const name in found) if (name.startsWith('new_')) next[name.slice(4)] = found[name]
    return { logits: found.logits, state: next, taps }
  }
}

export class LanguageModel extends Model {
  get gates() {
    return Object.keys(this.graphs.step.taps).filter((name) => name.startsWith('gate.')).map((name) => name.slice(5))
  }

  // The state before anything was read, in `count` rows.
  initialState(count = 1) {
    return Object.fromEntries(this.json.state.map(({ name, shape, initial }) => {
      const whole = [count, ...shape.slice(1)]
      if (!Array.isArray(initial)) return [name, filled(whole, initial)]
      return [name, rows(new Tensor([1, ...shape.slice(1)], Float32Array.from(initial.flat(Infinity))), Array(count).fill(0))]
    }))
  }

  encode(text) {
    return this.tokenizer.encode(text)
  }

  // Where a text stands that was read up to here: the token not yet read, and the state before it. Nothing read yet is
  // the model's own beginning, the line break.
  beginning() {
    return { token: this.json.start, state: this.initialState(), fresh: true }
  }

  // One token further. `position` says what stands there; gives it, and what was found on the way.
  read(position, token) {
    if (position.fresh) return { token, state: position.state }
    return { token, state: this.step([position.token], position.state).state }
  }

  // What is expected at a position: logits (V), the state after it, and with `taps` the gates.
  expect(position, taps = null) {
    const made = this.step([position.token], position.state, {}, taps)
    return { logits: made.logits.data, state: made.state, taps }
  }

  // A token drawn at a position, and the position after it.
  continue(position, sampling, random) {
    const { logits, state } = this.expect(position)
    const token = draw(logits, sampling, random, this.unwritten)
    return { token, state }
  }

  // The greedy or drawn continuation of a prompt, as `rnnzoo generate` gives it.
  generate(prompt, count, sampling, random) {
    const ids = this.encode(prompt)
    let position = this.beginning()
    for (const id of ids) position = this.read(position, id)
    const reader = this.tokenizer.reader()
    ids.forEach((id) => reader.feed(id))
    let text = ''
    for (let i = 0; i < count; i++) {
      position = this.continue(position, sampling, random)
      text += reader.feed(position.token)
    }
    return text + reader.flush()
  }
}

export class Translator extends Model {
  constructor(json, constant, options) {
    super(json, constant, options)
    this.source = json.source ? tokenizerOf(json.source) : this.tokenizer
    this.boundary = json.boundary
    this.attends = 'attention' in this.graphs.step.taps
  }

  // { ids, state, memory } of a sentence; no ids where there is nothing to translate.
  encode(text) {
    const ids = this.source.encode(plainSpaces(text))
    if (!ids.length) return { ids, state: {}, memory: {} }
    return { ids, ...this.encodeIds([...ids, this.json.sourceBoundary]) }
  }

  encodeIds(ids) {
    const found = this.graphs.encoder.run({ src: ints(ids, [1, ids.length]), lengths: ints([ids.length]) })
    const part = (prefix) => Object.fromEntries(Object.entries(found).filter(([name]) => name.startsWith(prefix)))
    return { state: part('state.'), memory: part('memory.') }
  }

  limit(length) {
    return this.json.characters ? 4 * length + 50 : 2 * length + 12
  }

  // A search that can be watched: see beam.mjs.
  search({ ids, state, memory }, { beam = 5, alpha = 1 } = {}) {
    const step = (tokens, now) => {
      const index = Array(tokens.length).fill(0)
      const wide = Object.fromEntries(Object.entries(memory).map(([name, leaf]) => [name, rows(leaf, index)]))
      const made = this.step(tokens, now, wide)
      const width = made.logits.shape[1]
      return { logits: tokens.map((_, row) => made.logits.data.subarray(row * width, (row + 1) * width)), state: made.state }
    }
    return beamSearch(step, state, { eos: this.boundary, beam, limit: this.limit(ids.length), alpha, unwritten: this.unwritten })
  }

  // The best translation, as `rnnzoo translate` gives it.
  translate(text, options) {
    const source = this.encode(text)
    if (!source.ids.length) return ''
    let best
    for (const { hypotheses } of this.search(source, options)) best = hypotheses[0]
    return this.written(best.tokens)
  }

  written(tokens) {
    const reader = this.tokenizer.reader()
    return tokens.map((token) => reader.feed(token)).join('') + reader.flush()
  }

  // Where the model looks as it writes these tokens and the end: one row of weights over the source a token. Also the
  // probability of each, and what else was likely there.
  look(source, tokens) {
    let { state } = source
    let last = this.boundary
    return [...tokens, this.boundary].map((token) => {
      const made = this.step([last], state, source.memory, {})
      state = made.state
      last = token
      const shares = probabilities(made.logits.data)
      const weights = made.taps.attention ? meanOfHeads(made.taps.attention) : null
      const others = largest(shares, 5).map((id) => ({ id, p: shares[id] }))
      return { token, p: shares[token], others, weights: weights && this.json.reversed ? weights.reverse() : weights }
    })
  }
}

// Weights (..., S) over the source: those of several heads as their mean.
function meanOfHeads({ shape, data }) {
  const width = shape.at(-1)
  const heads = data.length / width
  const mean = new Array(width).fill(0)
  data.forEach((weight, i) => (mean[i % width] += weight / heads))
  return mean
}
