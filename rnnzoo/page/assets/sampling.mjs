// How the next token is drawn from logits: rnnzoo.decoding.sampling, with the random numbers of torch.Generator, so
// that a seed writes the same text here and there.

// The Mersenne twister (Matsumoto & Nishimura 1998), as PyTorch seeds it and reads a number in [0, 1) from it.
export class Random {
  constructor(seed) {
    this.state = new Uint32Array(624)
    this.state[0] = seed
    for (let i = 1; i < 624; i++) {
      const last = this.state[i - 1] ^ (this.state[i - 1] >>> 30)
      this.state[i] = Math.imul(1812433253, last) + i
    }
    this.at = 624
  }

  word() {
    const { state } = this
    if (this.at === 624) {
      for (let i = 0; i < 624; i++) {
        const bits = (state[i] & 0x80000000) | (state[(i + 1) % 624] & 0x7fffffff)
        state[i] = state[(i + 397) % 624] ^ (bits >>> 1) ^ (bits & 1 ? 0x9908b0df : 0)
      }
      this.at = 0
    }
    let y = state[this.at++]
    y ^= y >>> 11
    y ^= (y << 7) & 0x9d2c5680
    y ^= (y << 15) & 0xefc60000
    return (y ^ (y >>> 18)) >>> 0
  }

  // The lower 53 bits of 64.
  uniform() {
    const high = this.word() & 0x1fffff
    return (high * 4294967296 + this.word()) * 2 ** -53
  }
}

export function probabilities(logits) {
  const out = new Float64Array(logits.length)
  let largest = -Infinity
  for (const one of logits) if (one > largest) largest = one
  let total = 0
  for (let i = 0; i < out.length; i++) total += out[i] = Math.exp(logits[i] - largest)
  for (let i = 0; i < out.length; i++) out[i] /= total
  return out
}

// The `count` largest, the largest first; of equal ones the first.
export function largest(values, count) {
  if (count >= values.length / 8) {
    return Array.from(values.keys()).sort((a, b) => values[b] - values[a] || a - b).slice(0, count)
  }
  const best = []
  for (let i = 0; i < values.length; i++) {
    if (best.length === count && !(values[i] > values[best[count - 1]])) continue
    let at = best.length
    while (at > 0 && values[i] > values[best[at - 1]]) at--
    best.splice(at, 0, i)
    if (best.length > count) best.pop()
  }
  return best
}

// One token, by the logits (V), temperature, topK, topP, minP, without the tokens `unwritten`.
export function draw(logits, { temperature = 1, topK = 0, topP = 1, minP = 0 }, random, unwritten = []) {
  const scores = Float32Array.from(logits)
  for (const id of unwritten) scores[id] = -Infinity
  const [best] = largest(scores, 1)
  if (temperature === 0) return best
  const top = scores[best]
  const divisor = Math.fround(Math.max(temperature, 1e-30))
  for (let i = 0; i < scores.length; i++) scores[i] = Math.fround(scores[i] - top) / (temperature === 1 ? 1 : divisor)
  if (topK > 0 && topK < scores.length) keepOnly(scores, largest(scores, topK))
  if (topP < 1) {
    const share = probabilities(scores)
    const order = largest(share, share.length)
    let sum = 0
    keepOnly(scores, order.filter((id, rank) => {
      sum += share[id]
      return rank === 0 || sum - share[id] < topP
    }))
  }
  if (minP > 0) scores.forEach((score, i) => (scores[i] = score < Math.log(minP) ? -Infinity : score))
  const heights = new Float64Array(scores.length)
  let sum = 0
  for (let i = 0; i < scores.length; i++) heights[i] = sum += Math.exp(scores[i])
  const level = random.uniform() * sum
  let token = 0
  while (token < heights.length - 1 && heights[token] <= level) token++
  return token
}

function keepOnly(scores, ids) {
  const kept = ids.map((id) => scores[id])
  scores.fill(-Infinity)
  ids.forEach((id, i) => (scores[id] = kept[i]))
}
