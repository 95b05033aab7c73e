// The operators of exported graphs, under PyTorch's names. Arguments come in the order of its schemas.

import { GELU, LOOPS, complexProduct, complexSum, compare, kindOf, map, pairs, sigmoid, tanh, zip } from './elementwise.mjs'
import { Tensor, arrayOf, axisOf, broadcast, count, expanded, filled, gathered, strides } from './tensor.mjs'

// ------------------------------------------------------------------------------------------------------ reductions

// f over the numbers along `axes`: it gets their sum's parts one by one.
function reduce(x, axes, keep, begin, f) {
  const rank = x.shape.length
  const over = new Set((axes?.length ? axes : x.shape.map((_, axis) => axis)).map((axis) => axisOf(axis, rank)))
  const kept = x.shape.map((size, axis) => (over.has(axis) ? 1 : size))
  const out = new (x.data.constructor === Uint8Array ? Int32Array : x.data.constructor)(count(kept))
  const [first, last] = [Math.min(...over), Math.max(...over)]
  if (over.size === last - first + 1) { // side by side, as one axis
    const length = count(x.shape.slice(first, last + 1))
    const inner = count(x.shape.slice(last + 1))
    for (let i = 0; i < out.length; i++) {
      let at = Math.floor(i / inner) * length * inner + (i % inner)
      let value = begin
      for (let step = 0; step < length; step++, at += inner) value = f(value, x.data[at])
      out[i] = value
    }
  } else {
    const own = strides(kept)
    const steps = x.shape.map((_, axis) => (over.has(axis) ? 0 : own[axis]))
    const places = gathered(new Tensor([out.length], Int32Array.from(out.keys())), x.shape, steps).data
    out.fill(begin)
    for (let i = 0; i < x.data.length; i++) out[places[i]] = f(out[places[i]], x.data[i])
  }
  return new Tensor(keep ? kept : x.shape.filter((_, axis) => !over.has(axis)), out)
}

function sum(x, axes, keep = false) {
  return reduce(x, axes, keep, 0, (a, b) => a + b)
}

function mean(x, axes, keep = false) {
  const total = sum(x, axes, keep)
  const share = total.data.length / x.data.length
  return map(total, (value) => value * share)
}

// Along the last axis, or the one that is asked for.
function softmax(x, axis, log) {
  const rank = x.shape.length
  axis = axisOf(axis, rank)
  if (axis !== rank - 1) {
    const order = x.shape.map((_, i) => (i === axis ? rank - 1 : i === rank - 1 ? axis : i))
    return permute(softmax(permute(x, order), -1, log), order)
  }
  const width = x.shape[rank - 1]
  const out = new x.data.constructor(x.data.length)
  for (let start = 0; start < out.length; start += width) {
    let largest = -Infinity
    for (let i = start; i < start + width; i++) if (x.data[i] > largest) largest = x.data[i]
    let total = 0
    for (let i = start; i < start + width; i++) total += out[i] = Math.exp(x.data[i] - largest)
    const shift = largest + Math.log(total)
    for (let i = start; i < start + width; i++) out[i] = log ? x.data[i] - shift : out[i] / total
  }
  return new Tensor(x.shape, out)
}

function layerNorm(x, shape, weight, bias, eps) {
  const width = count(shape)
  const out = new x.data.constructor(x.data.length)
  const rows = x.data.length / width
  const means = new Float32Array(rows)
  const scales = new Float32Array(rows)
  for (let row = 0; row < rows; row++) {
    const start = row * width
    let total = 0
    for (let i = 0; i < width; i++) total += x.data[start + i]
    const middle = total / width
    let square = 0
    for (let i = 0; i < width; i++) square += (x.data[start + i] - middle) ** 2
    const scale = 1 / Math.sqrt(square / width + eps)
    for (let i = 0; i < width; i++) {
      out[start + i] = (x.data[start + i] - middle) * scale * (weight?.data[i] ?? 1) + (bias?.data[i] ?? 0)
    }
    means[row] = middle
    scales[row] = scale
  }
  const small = [...x.shape.slice(0, -shape.length), ...shape.map(() => 1)]
  return [new Tensor(x.shape, out), new Tensor(small, means), new Tensor(small, scales)]
}

// ---------------------------------------------------------------------------------------------------------- layout

function view(x, shape) {
  const known = shape.reduce((size, one) => (one === -1 ? size : size * one), 1)
  return x.as(shape.map((one) => (one === -1 ? x.size / known : one)))
}

function permute(x, order) {
  order = order.map((axis) => axisOf(axis, order.length))
  const shape = order.map((axis) => x.shape[axis])
  const moved = order.filter((axis) => x.shape[axis] !== 1)
  if (moved.every((axis, i) => i === 0 || moved[i - 1] < axis)) return x.as(shape)
  const own = strides(x.shape)
  return gathered(x, shape, order.map((axis) => own[axis]))
}

function slice(x, axis = 0, start = 0, end = null, step = 1) {
  axis = axisOf(axis, x.shape.length)
  const size = x.shape[axis]
  const clip = (at) => Math.min(Math.max(at < 0 ? at + size : at, 0), size)
  const from = clip(start ?? 0)
  const to = clip(end ?? size)
  const length = Math.max(0, Math.ceil((to - from) / step))
  const shape = x.shape.with(axis, length)
  if (length === size && step === 1) return x
  const own = strides(x.shape)
  const wide = x.complex ? 2 : 1
  if (step === 1 && x.shape.slice(0, axis).every((one) => one === 1)) {
    return new Tensor(shape, x.data.subarray(from * own[axis] * wide, to * own[axis] * wide), x.complex)
  }
  return gathered(x, shape, own.with(axis, own[axis] * step), from * own[axis])
}

function select(x, axis, index) {
  axis = axisOf(axis, x.shape.length)
  const at = index < 0 ? index + x.shape[axis] : index
  return slice(x, axis, at, at + 1).as(x.shape.toSpliced(axis, 1))
}

function split(x, sizes, axis = 0) {
  let at = 0
  return sizes.map((size) => slice(x, axis, at, (at += size)))
}

function cat(tensors, axis = 0) {
  const some = tensors.filter((one) => one.size > 0)
  const parts = some.length ? some : tensors.slice(0, 1)
  if (parts.length === 1) return parts[0]
  axis = axisOf(axis, parts[0].shape.length)
  const total = parts.reduce((size, one) => size + one.shape[axis], 0)
  const shape = parts[0].shape.with(axis, total)
  const wide = parts[0].complex ? 2 : 1
  const Kind = parts.reduce((kind, one) => kindOf({ shape: [1], data: new kind(0) }, one), parts[0].data.constructor)
  const out = new Kind(count(shape) * wide)
  const inner = count(shape.slice(axis + 1)) * wide
  const outer = count(shape.slice(0, axis))
  let offset = 0
  for (const part of parts) {
    const run = part.shape[axis] * inner
    for (let i = 0; i < outer; i++) out.set(part.data.subarray(i * run, (i + 1) * run), i * total * inner + offset)
    offset += run
  }
  return new Tensor(shape, out, parts[0].complex)
}

function sliceScatter(x, source, axis = 0, start = 0, end = null, step = 1) {
  axis = axisOf(axis, x.shape.length)
  const places = slice(new Tensor(x.shape, Int32Array.from(x.data.keys())), axis, start, end, step).data
  const out = x.data.slice()
  places.forEach((place, i) => (out[place] = source.data[i]))
  return new Tensor(x.shape, out)
}

function gather(x, axis, index) {
  axis = axisOf(axis, x.shape.length)
  const own = strides(x.shape)
  const at = gathered(
    new Tensor([x.size], Int32Array.from({ length: x.size }, (_, i) => i)), index.shape, own.with(axis, 0))
  const out = new x.data.constructor(index.data.length)
  for (let i = 0; i < out.length; i++) out[i] = x.data[at.data[i] + index.data[i] * own[axis]]
  return new Tensor(index.shape, out)
}

// x[i, j, ...]: integer tensors for some axes, null for whole ones, those with indices side by side.
function index(x, indices) {
  const axes = indices.flatMap((one, axis) => (one ? [axis] : []))
  const shape = axes.map((axis) => indices[axis].shape).reduce(broadcast)
  const places = axes.map((axis) => expanded(indices[axis], shape).data)
  const own = strides(x.shape)
  const before = x.shape.slice(0, axes[0])
  const after = x.shape.slice(axes.at(-1) + 1)
  const [lead, inner, chosen] = [count(before), count(after), count(shape)]
  const out = new x.data.constructor(lead * chosen * inner)
  const outerStep = axes[0] ? own[axes[0] - 1] : 0
  let to = 0
  for (let i = 0; i < lead; i++) {
    for (let j = 0; j < chosen; j++) {
      let from = i * outerStep
      axes.forEach((axis, n) => {
        const at = places[n][j]
        from += (at < 0 ? at + x.shape[axis] : at) * own[axis]
      })
      for (let k = 0; k < inner; k++) out[to++] = x.data[from + k]
    }
  }
  return new Tensor([...before, ...shape, ...after], out)
}

function embedding(table, ids) {
  const width = table.shape[1]
  const out = new Float32Array(ids.data.length * width)
  ids.data.forEach((id, i) => out.set(table.data.subarray(id * width, (id + 1) * width), i * width))
  return new Tensor([...ids.shape, width], out)
}

// -------------------------------------------------------------------------------------------------------- products

// (n, k) times (k, m), as `bmm` needs them: small ones, of which neither is a weight.
function matmul(a, b, out, from, at, to, n, k, m) {
  for (let row = 0; row < n; row++) {
    for (let i = 0; i < k; i++) {
      const x = a[from + row * k + i]
      if (x === 0) continue
      for (let column = 0; column < m; column++) out[to + row * m + column] += x * b[at + i * m + column]
    }
  }
}

function bmm(a, b) {
  const [batch, n, k] = a.shape
  const m = b.shape[2]
  const out = new Float32Array(batch * n * m)
  for (let i = 0; i < batch; i++) matmul(a.data, b.data, out, i * n * k, i * k * m, i * n * m, n, k, m)
  return new Tensor([batch, n, m], out)
}

function mm(a, b) {
  return bmm(a.as([1, ...a.shape]), b.as([1, ...b.shape])).as([a.shape[0], b.shape[1]])
}

function cast(x, dtype) {
  const data = arrayOf(dtype, x.data.length)
  if (data.constructor === x.data.constructor) return x
  for (let i = 0; i < data.length; i++) data[i] = dtype === 'bool' ? x.data[i] !== 0 : x.data[i]
  return new Tensor(x.shape, data)
}

const add = (a, b, alpha = 1) => {
  if (a.complex) return complexSum(a, b)
  return alpha === 1 ? zip(a, b, (x, y) => x + y, null, LOOPS.add) : zip(a, b, (x, y) => x + alpha * y)
}
const sub = (a, b, alpha = 1) =>
  alpha === 1 ? zip(a, b, (x, y) => x - y, null, LOOPS.sub) : zip(a, b, (x, y) => x - alpha * y)
const mul = (a, b) => (a.complex || b.complex ? complexProduct(a, b) : zip(a, b, (x, y) => x * y, null, LOOPS.mul))
const keep = (x) => x

export const OPERATORS = {
  // numbers: sizes of tensors
  'sym_size.int': (x, axis) => x.shape[axis],
  getitem: (list, place) => list[place],

  'add.Tensor': add, 'add.Scalar': add, 'sub.Tensor': sub, 'sub.Scalar': sub,
  'rsub.Scalar': (a, b, alpha = 1) => zip(b, a, (x, y) => x - alpha * y),
  'mul.Tensor': mul, 'mul.Scalar': mul,
  'div.Tensor': (a, b) => zip(a, b, (x, y) => x / y, Float32Array), 'div.Scalar': (a, b) => zip(a, b, (x, y) => x / y),
  'pow.Tensor_Scalar': (a, b) => zip(a, b, b === 2 ? (x) => x * x : Math.pow),
  'pow.Tensor_Tensor': (a, b) => zip(a, b, Math.pow),
  maximum: (a, b) => zip(a, b, Math.max), minimum: (a, b) => zip(a, b, Math.min),
  'eq.Scalar': compare((x, y) => x === y), 'eq.Tensor': compare((x, y) => x === y),
  'ne.Scalar': compare((x, y) => x !== y), 'ne.Tensor': compare((x, y) => x !== y),
  'lt.Scalar': compare((x, y) => x < y), 'lt.Tensor': compare((x, y) => x < y),
  'le.Scalar': compare((x, y) => x <= y), 'le.Tensor': compare((x, y) => x <= y),
  'gt.Scalar': compare((x, y) => x > y), 'gt.Tensor': compare((x, y) => x > y),
  'ge.Scalar': compare((x, y) => x >= y), 'ge.Tensor': compare((x, y) => x >= y),
  'bitwise_and.Tensor': (a, b) => zip(a, b, (x, y) => x & y), 'bitwise_or.Tensor': (a, b) => zip(a, b, (x, y) => x | y),
  'logical_and': (a, b) => zip(a, b, (x, y) => (x && y ? 1 : 0), Uint8Array),
  'logical_or': (a, b) => zip(a, b, (x, y) => (x || y ? 1 : 0), Uint8Array),
  bitwise_not: (x) => map(x, x.data.constructor === Uint8Array ? (v) => 1 - v : (v) => ~v, x.data.constructor),
  logical_not: (x) => map(x, (v) => (v ? 0 : 1), Uint8Array),
  'where.self': (mask, a, b) => {
    const shape = [mask, a, b].map((one) => one.shape).reduce(broadcast)
    const [m, x, y] = [mask, a, b].map((one) => expanded(one, shape).data)
    const out = new (kindOf(a, b))(m.length)
    for (let i = 0; i < out.length; i++) out[i] = m[i] ? x[i] : y[i]
    return new Tensor(shape, out)
  },

  sigmoid: (x) => map(x, sigmoid, null, LOOPS.sigmoid), tanh: (x) => map(x, tanh, null, LOOPS.tanh), relu: (x) => map(x, (v) => (v < 0 ? 0 : v)),
  exp: (x) => map(x, Math.exp), expm1: (x) => map(x, Math.expm1), log: (x) => map(x, Math.log),
  log1p: (x) => map(x, Math.log1p), sqrt: (x) => map(x, Math.sqrt), rsqrt: (x) => map(x, (v) => 1 / Math.sqrt(v)),
  reciprocal: (x) => map(x, (v) => 1 / v), neg: (x) => map(x, (v) => -v, x.data.constructor),
  abs: (x) => map(x, Math.abs, x.data.constructor), sign: (x) => map(x, Math.sign, x.data.constructor),
  sin: (x) => map(x, Math.sin), cos: (x) => map(x, Math.cos), erf: (x) => map(x, erf), floor: (x) => map(x, Math.floor),
  gelu: (x, approximate = 'none') => map(x, GELU[approximate]), silu: (x) => map(x, (v) => v * sigmoid(v)),
  softplus: (x, beta = 1, threshold = 20) =>
    map(x, (v) => (v * beta > threshold ? v : Math.log1p(Math.exp(v * beta)) / beta)),
  elu: (x, alpha = 1, scale = 1, inner = 1) =>
    map(x, (v) => scale * (v > 0 ? v : alpha * Math.expm1(v * inner))),
  leaky_relu: (x, slope = 0.01) => map(x, (v) => (v < 0 ? slope * v : v)),
  hardtanh: (x, low = -1, high = 1) => map(x, (v) => Math.min(Math.max(v, low), high)),
  clamp: (x, low, high) => map(x, (v) => Math.min(Math.max(v, low ?? -Infinity), high ?? Infinity), x.data.constructor),

  'sum.dim_IntList': sum, sum: (x) => sum(x, null), 'mean.dim': mean, mean: (x) => mean(x, null),
  amax: (x, axes, kept) => reduce(x, axes, kept, -Infinity, Math.max),
  amin: (x, axes, kept) => reduce(x, axes, kept, Infinity, Math.min),
  _softmax: (x, axis) => softmax(x, axis, false), _log_softmax: (x, axis) => softmax(x, axis, true),
  native_layer_norm: layerNorm,

  view, _unsafe_view: view, reshape: view, permute, 'slice.Tensor': slice, 'select.int': select,
  split_with_sizes: split, cat, slice_scatter: sliceScatter, gather, 'index.Tensor': index,
  'transpose.int': (x, a, b) => {
    const order = x.shape.map((_, axis) => axis)
    ;[a, b] = [axisOf(a, order.length), axisOf(b, order.length)]
    return permute(x, order.with(a, b).with(b, a))
  },
  expand: expanded, 'expand': expanded,
  unsqueeze: (x, axis) => x.as(x.shape.toSpliced(axisOf(axis, x.shape.length + 1), 0, 1)),
  'squeeze.dims': (x, axes) => {
    const gone = new Set(axes.map((axis) => axisOf(axis, x.shape.length)))
    return x.as(x.shape.filter((size, axis) => size !== 1 || !gone.has(axis)))
  },
  'squeeze.dim': (x, axis) => (x.shape.at(axis) === 1 ? x.as(x.shape.toSpliced(axisOf(axis, x.shape.length), 1)) : x),
  flip: (x, axes) => {
    const own = strides(x.shape)
    const turned = new Set(axes.map((axis) => axisOf(axis, x.shape.length)))
    const start = x.shape.reduce((at, size, axis) => at + (turned.has(axis) ? (size - 1) * own[axis] : 0), 0)
    return gathered(x, x.shape, own.map((step, axis) => (turned.has(axis) ? -step : step)), start)
  },

  full: (shape, value, dtype) => filled(shape, +value, dtype ?? 'float32'),
  full_like: (x, value, dtype) => new Tensor(x.shape, (dtype ? arrayOf(dtype, x.size) : x.data.slice()).fill(+value)),
  scalar_tensor: (value, dtype) => filled([], +value, dtype ?? 'float32'),
  'empty.memory_format': (shape, dtype) => filled(shape, 0, dtype ?? 'float32'),
  'arange.start_step': (start, end, step = 1, dtype) => {
    const out = arrayOf(dtype ?? 'int64', Math.max(0, Math.ceil((end - start) / step)))
    for (let i = 0; i < out.length; i++) out[i] = start + i * step
    return new Tensor([out.length], out)
  },
  copy: (x, source) => cast(expanded(source, x.shape), x.data.constructor === Float32Array ? 'float32' : 'int64'),
  clone: keep, alias: keep, detach: keep, lift_fresh_copy: keep, _to_copy: (x, dtype) => (dtype ? cast(x, dtype) : x),

  polar: (size, angle) =>
    pairs(zip(size, angle, (r, a) => r * Math.cos(a)), zip(size, angle, (r, a) => r * Math.sin(a))),
  complex: pairs, view_as_complex: (x) => new Tensor(x.shape.slice(0, -1), x.data, true),
  view_as_real: (x) => new Tensor([...x.shape, 2], x.data),

  embedding, bmm, mm, addmm: (bias, a, b) => add(mm(a, b), bias),
  linear: (x, weight, bias) => {
    const [out, width] = weight.shape
    const y = mm(x.as([x.size / width, width]), permute(weight, [1, 0])).as([...x.shape.slice(0, -1), out])
    return bias ? add(y, bias) : y
  },
}

// What sizes are computed with; of tensors, as the operators say.
const SIZES = {
  add: (a, b) => a + b, sub: (a, b) => a - b, mul: (a, b) => a * b, floordiv: (a, b) => Math.floor(a / b),
  truediv: (a, b) => a / b, mod: (a, b) => a - b * Math.floor(a / b), neg: (a) => -a,
  eq: (a, b) => a === b, ge: (a, b) => a >= b, le: (a, b) => a <= b, gt: (a, b) => a > b, lt: (a, b) => a < b,
}
for (const [name, f] of Object.entries(SIZES)) {
  const own = OPERATORS[name] // neg is both
  OPERATORS[name] = own ? (a, ...rest) => (typeof a === 'number' ? f(a, ...rest) : own(a, ...rest)) : f
}
