// A text as a language model reads it: after each token what it expected, its units, its gates, its memory.
//
// The text is read as `rnnzoo generate` reads a prompt: from the zero state, its first token first. The surprisal of
// that first token is what the model's own beginning, a line break, says of it.

import { draw, largest, probabilities } from './sampling.mjs'

const TOP = 10
export const WINDOW = 64 // tokens back that memory is looked at

export class Reading {
  constructor(model) {
    this.model = model
    this.steps = [] // { token, text, before, after, top, surprisal, gates }
    this.ids = []
    this.start = this.expected(model.beginning())
  }

  // What stands to be read. What was read of it already stays.
  set(text) {
    this.text = text
    this.ids = this.model.encode(text)
    let same = 0
    while (same < this.steps.length && same < this.ids.length && this.steps[same].token === this.ids[same]) same++
    if (same < this.steps.length) {
      this.steps.length = same
      this.end = null
    }
    return same
  }

  get done() {
    return this.steps.length === this.ids.length
  }

  // A token drawn from what is expected at the end of the text.
  drawn(sampling, random) {
    const { logits } = this.steps.length ? (this.end ??= this.expected(this.position(this.steps.length - 1))) : this.start
    return draw(logits, sampling, random, this.model.unwritten)
  }

  // One more token, which the text has then got by itself.
  push(token) {
    this.ids.push(token)
    this.next()
  }

  // Reads on for some milliseconds; says whether there is more.
  advance(milliseconds, now = () => performance.now()) {
    const until = now() + milliseconds
    while (!this.done && now() < until) this.next()
    return !this.done
  }

  next() {
    const token = this.ids[this.steps.length]
    const last = this.steps.at(-1)
    if (last && !this.end) this.end = this.expected(this.position(this.steps.length - 1))
    const before = last ? last.after : this.model.initialState()
    const said = (last ? this.end : this.start).logProb(token)
    const step = { token, before, surprisal: -said / Math.LN2 }
    this.steps.push(step)
    this.end = this.expected(this.position(this.steps.length - 1), true)
    Object.assign(step, { after: this.end.state, top: this.end.top, gates: this.end.gates })
  }

  position(place) {
    return { token: this.steps[place].token, state: this.steps[place].before }
  }

  // The distribution after the token at a place; -1 is before the first.
  top(place) {
    return place < 0 ? this.start.top : this.steps[place].top
  }

  expected(position, gates = false) {
    const { logits, state, taps } = this.model.expect(position, gates ? {} : null)
    const shares = probabilities(logits)
    const top = largest(shares, TOP).map((id) => ({ id, p: shares[id] }))
    return { state, top, logits, gates: taps, logProb: (token) => Math.log(Math.max(shares[token], 1e-300)) }
  }

  // Each unit of a part of the state after each token: rows of numbers.
  units(name) {
    return this.steps.map(({ after }) => after[`state.${name}`].data)
  }

  gate(name) {
    return this.steps.map(({ gates }) => gates[`gate.${name}`].data)
  }

  // How much the prediction after `place` would change if the token d places earlier had been another: the one that
  // the model held for most likely there beside what stood there. The change is the share of probability that moves
  // (the total variation distance), from 0 to 1. A generator of [d, change], from near to far.
  *influence(place, window = WINDOW) {
    const base = probabilities(this.model.expect(this.position(place)).logits)
    const most = Math.min(window, place + 1)
    const tokens = this.steps.map(({ token }) => token)
    for (let from = 0; from < most; from += 8) { // eight changed texts at a time
      const places = Array.from({ length: Math.min(8, most - from) }, (_, i) => place - from - i)
      let state = null
      let width = 0
      let logits
      for (let at = places.at(-1); at <= place; at++) { // rows begin as their changed place comes
        const joining = places.filter((one) => one === at).length
        if (joining) {
          const { before } = this.steps[at]
          state = Object.fromEntries(Object.entries(before).map(([name, leaf]) => [name,
            width ? joined(state[name], leaf) : leaf]))
          width++
        }
        const now = Array.from({ length: width }, (_, row) =>
          row === width - 1 && joining ? this.other(at) : tokens[at])
        const made = this.model.step(now, state)
        state = made.state
        logits = made.logits
      }
      const size = logits.shape[1]
      for (let row = width - 1; row >= 0; row--) {
        const shares = probabilities(logits.data.subarray(row * size, (row + 1) * size))
        let moved = 0
        for (let i = 0; i < size; i++) moved += Math.abs(shares[i] - base[i])
        yield [from + width - 1 - row, moved / 2]
      }
    }
  }

  // What else could have stood at a place.
  other(place) {
    const top = this.top(place - 1)
    const { token } = this.steps[place]
    return (top.find(({ id }) => id !== token) ?? { id: token ? 0 : 1 }).id
  }
}

// The distance from which no change moves more than `share` of the probability any more.
export function fade(changes, share = 0.05) {
  let last = -1
  changes.forEach((change, distance) => {
    if (change >= share) last = distance
  })
  return last + 1
}

function joined(a, b) {
  const data = new a.data.constructor(a.data.length + b.data.length)
  data.set(a.data)
  data.set(b.data, a.data.length)
  return new a.constructor([a.shape[0] + b.shape[0], ...a.shape.slice(1)], data)
}
