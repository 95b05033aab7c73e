// Beam search of one sentence, rnnzoo.decoding.beam's: a hypothesis that ends keeps its place in the beam.
//
// It is a generator that yields after each step, so that a page can draw what was followed and what was dropped.

import { largest } from './sampling.mjs'
import { rows } from './tensor.mjs'

// Arguments: step(tokens, state) -> { logits: rows of log-probabilities-to-be, state }, the boundary's id, beam, the
// limit in symbols, alpha of the length penalty length ** alpha, and ids that are never written.
// Yields { candidates, done, hypotheses }: what was weighed in this step, and the best that have ended so far.
export function* beamSearch(step, state, { eos, beam = 5, limit, alpha = 1, unwritten = [] }) {
  let running = [{ tokens: [], logProb: 0, node: 0 }]
  const ended = []
  const cut = []
  const penalty = (length) => Math.max(length, 1) ** alpha
  let free = beam
  let nodes = 1
  for (let length = 1; length <= limit && running.length; length++) {
    const made = step(running.map(({ tokens }) => tokens.at(-1) ?? eos), state)
    const candidates = []
    running.forEach((hypothesis, row) => {
      const logProbs = logSoftmax(made.logits[row])
      for (const id of unwritten) logProbs[id] = -Infinity
      for (const token of largest(logProbs, Math.min(beam, logProbs.length))) {
        const logProb = Math.fround(hypothesis.logProb + logProbs[token])
        if (logProb > -Infinity) candidates.push({ row, parent: hypothesis, token, logProb, own: logProbs[token] })
      }
    })
    const order = largest(candidates.map(({ logProb }) => logProb), free)
    const next = []
    for (const candidate of candidates) {
      candidate.kept = false
      candidate.from = candidate.parent.node
      candidate.node = nodes++
    }
    for (const at of order) {
      const candidate = candidates[at]
      candidate.kept = true
      candidate.ends = candidate.token === eos
      const { parent, token, logProb, node } = candidate
      if (candidate.ends) {
        ended.push({ tokens: parent.tokens, logProb, score: logProb / penalty(length), finished: true, node })
      } else if (length === limit) {
        cut.push({ tokens: [...parent.tokens, token], logProb, score: logProb / penalty(length), finished: false, node })
      } else next.push({ tokens: [...parent.tokens, token], logProb, node, row: candidate.row })
    }
    free -= order.filter((at) => candidates[at].ends).length
    ended.sort((a, b) => b.score - a.score)
    // what runs can at best reach its limit without losing anything more
    const reach = next.length ? Math.max(...next.map(({ logProb }) => logProb)) / penalty(limit) : -Infinity
    running = ended.length && reach <= ended[0].score ? [] : next
    const index = running.map(({ row }) => row)
    state = Object.fromEntries(Object.entries(made.state).map(([name, leaf]) => [name, rows(leaf, index)]))
    cut.sort((a, b) => b.score - a.score)
    yield { candidates, running, hypotheses: [...ended, ...cut], done: running.length === 0 || length === limit }
  }
}

function logSoftmax(logits) {
  const out = new Float32Array(logits.length)
  let top = -Infinity
  for (let i = 0; i < out.length; i++) if (logits[i] > top) top = logits[i]
  let sum = 0
  for (let i = 0; i < out.length; i++) sum += Math.exp(logits[i] - top)
  const shift = top + Math.log(sum)
  for (let i = 0; i < out.length; i++) out[i] = logits[i] - shift
  return out
}
