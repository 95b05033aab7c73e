// Operators that look at one place of a tensor, or at the same place of two, at a time.

import { Tensor, broadcast, count, expanded } from './tensor.mjs'

const FLOAT = new Set([Float32Array, Float64Array])

// ---------------------------------------------------------------------------------------------------- elementwise

// f of each number. `loop` is the same for float32: engines make fast code of a loop that always calls one function.
export function map(x, f, Kind, loop) {
  const { data } = x
  const out = new (Kind ?? (FLOAT.has(data.constructor) ? data.constructor : Float32Array))(data.length)
  if (loop && data.constructor === Float32Array) loop(data, out)
  else for (let i = 0; i < data.length; i++) out[i] = f(data[i])
  return new Tensor(x.shape, out)
}

export function kindOf(a, b) {
  const [x, y] = [a.data.constructor, b.data.constructor]
  if (x === y) return x
  for (const Kind of [Float64Array, Float32Array, Int32Array]) {
    // a number without axes does not widen what has some
    if ((x === Kind && (a.shape.length || !FLOAT.has(y))) || (y === Kind && (b.shape.length || !FLOAT.has(x)))) return Kind
  }
  return FLOAT.has(x) ? x : y
}

function number(value, like) {
  const Kind = FLOAT.has(like.data.constructor) || Number.isInteger(value) ? like.data.constructor : Float32Array
  const data = new (Kind === Uint8Array ? Int32Array : Kind)(1)
  data[0] = value
  return new Tensor([], data)
}

// f of two tensors, or of a tensor and a number, each brought to the other's shape; `loop` is the same for float32.
export function zip(a, b, f, Result, loop) {
  if (typeof a === 'number') a = number(a, b)
  if (typeof b === 'number') b = number(b, a)
  const Kind = Result ?? kindOf(a, b)
  const x = a.data
  const y = b.data
  if (same(a.shape, b.shape)) {
    const out = new Kind(x.length)
    if (loop && Kind === Float32Array && x.constructor === Kind && y.constructor === Kind) loop(x, y, out, 1)
    else for (let i = 0; i < out.length; i++) out[i] = f(x[i], y[i])
    return new Tensor(a.shape, out)
  }
  const shape = broadcast(a.shape, b.shape)
  const size = count(shape)
  const out = new Kind(size)
  if (loop && x.length === size && Kind === Float32Array && y.constructor === Kind && x.constructor === Kind) {
    const inner = trailing(b.shape, shape) ? 1 : leading(b.shape, shape) ? size / y.length : 0
    if (inner) {
      loop(x, y, out, inner)
      return new Tensor(shape, out)
    }
  }
  if (y.length === 1) for (let i = 0; i < size; i++) out[i] = f(x[i], y[0])
  else if (x.length === 1) for (let i = 0; i < size; i++) out[i] = f(x[0], y[i])
  else if (x.length === size && trailing(b.shape, shape)) {
    for (let i = 0, j = 0; i < size; i++) {
      out[i] = f(x[i], y[j])
      if (++j === y.length) j = 0
    }
  } else {
    const left = expanded(a, shape).data
    const right = expanded(b, shape).data
    for (let i = 0; i < size; i++) out[i] = f(left[i], right[i])
  }
  return new Tensor(shape, out)
}

function same(a, b) {
  return a.length === b.length && a.every((size, axis) => size === b[axis])
}

// Whether the last axes of `shape` are those of `small`, and it has no other.
function trailing(small, shape) {
  const lead = shape.length - small.length
  let from = 0
  while (small[from] === 1) from++
  return small.slice(from).every((size, axis) => size === shape[lead + from + axis])
}

// Whether it has the first axes of `shape`, and 1 in place of each other.
function leading(small, shape) {
  if (small.length !== shape.length) return false
  let to = small.length
  while (to && small[to - 1] === 1) to--
  return small.slice(0, to).every((size, axis) => size === shape[axis])
}

// Each number of y meets `inner` of x, and y begins anew where it ends.
export const LOOPS = {
  add(x, y, out, inner) {
    const size = out.length
    if (inner === 1) {
      for (let i = 0; i < size; ) for (let j = 0; j < y.length; j++, i++) out[i] = x[i] + y[j]
    } else for (let i = 0; i < size; ) for (let j = 0; j < y.length; j++) for (let k = 0; k < inner; k++, i++) out[i] = x[i] + y[j]
  },
  sub(x, y, out, inner) {
    const size = out.length
    if (inner === 1) {
      for (let i = 0; i < size; ) for (let j = 0; j < y.length; j++, i++) out[i] = x[i] - y[j]
    } else for (let i = 0; i < size; ) for (let j = 0; j < y.length; j++) for (let k = 0; k < inner; k++, i++) out[i] = x[i] - y[j]
  },
  mul(x, y, out, inner) {
    const size = out.length
    if (inner === 1) {
      for (let i = 0; i < size; ) for (let j = 0; j < y.length; j++, i++) out[i] = x[i] * y[j]
    } else for (let i = 0; i < size; ) for (let j = 0; j < y.length; j++) for (let k = 0; k < inner; k++, i++) out[i] = x[i] * y[j]
  },
  sigmoid(x, out) {
    for (let i = 0; i < out.length; i++) out[i] = 1 / (1 + Math.exp(-x[i]))
  },
  tanh(x, out) {
    for (let i = 0; i < out.length; i++) out[i] = tanh(x[i])
  },
}

// With one exponential; Math.tanh takes three times as long.
export function tanh(x) {
  const e = Math.exp(-2 * Math.abs(x))
  return x < 0 ? (e - 1) / (1 + e) : (1 - e) / (1 + e)
}

export const compare = (f) => (a, b) => zip(a, b, (x, y) => (f(x, y) ? 1 : 0), Uint8Array)
export const sigmoid = (x) => 1 / (1 + Math.exp(-x))

export function complexProduct(a, b) {
  const shape = broadcast(a.shape, b.shape)
  const [x, y] = [expanded(a, shape), expanded(b, shape)]
  const out = new Float32Array(2 * count(shape))
  const part = (t, i) => (t.complex ? [t.data[2 * i], t.data[2 * i + 1]] : [t.data[i], 0])
  for (let i = 0; i < out.length / 2; i++) {
    const [[r, s], [u, v]] = [part(x, i), part(y, i)]
    out[2 * i] = r * u - s * v
    out[2 * i + 1] = r * v + s * u
  }
  return new Tensor(shape, out, true)
}

export function complexSum(a, b) {
  const shape = broadcast(a.shape, b.shape)
  const [x, y] = [expanded(a, shape).data, expanded(b, shape).data]
  return new Tensor(shape, x.map((value, i) => value + y[i]), true)
}

export function pairs(re, im) {
  const shape = broadcast(re.shape, im.shape)
  const [x, y] = [expanded(re, shape).data, expanded(im, shape).data]
  const out = new Float32Array(2 * x.length)
  for (let i = 0; i < x.length; i++) {
    out[2 * i] = x[i]
    out[2 * i + 1] = y[i]
  }
  return new Tensor(shape, out, true)
}

// erf to 1e-7 or so (Abramowitz & Stegun 7.1.26)
function erf(x) {
  const t = 1 / (1 + 0.3275911 * Math.abs(x))
  const poly = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t
  return Math.sign(x) * (1 - poly * Math.exp(-x * x))
}

export const GELU = {
  none: (x) => 0.5 * x * (1 + erf(x * Math.SQRT1_2)),
  tanh: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x))),
}
