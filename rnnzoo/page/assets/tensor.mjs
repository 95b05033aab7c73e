// Dense tensors: a shape, and the numbers row after row. Nothing is ever changed in place, so views share numbers.

const KINDS = {
  float32: Float32Array, float64: Float64Array, float16: Float32Array, bfloat16: Float32Array,
  int64: Int32Array, int32: Int32Array, int16: Int32Array, int8: Int32Array, uint8: Int32Array, bool: Uint8Array,
}

export class Tensor {
  // `complex` ones have two numbers a place, the real and the imaginary part.
  constructor(shape, data, complex = false) {
    this.shape = shape
    this.data = data
    this.complex = complex
  }

  get size() {
    return count(this.shape)
  }

  // The same numbers in another shape of as many.
  as(shape) {
    return new Tensor(shape, this.data, this.complex)
  }
}

export function arrayOf(dtype, length) {
  return new KINDS[dtype](length)
}

export function filled(shape, value, dtype = 'float32') {
  const data = arrayOf(dtype, count(shape))
  if (value) data.fill(value)
  return new Tensor(shape, data)
}

export function ints(values, shape = [values.length]) {
  return new Tensor(shape, Int32Array.from(values))
}

export function count(shape) {
  let size = 1
  for (const one of shape) size *= one
  return size
}

// How far the next place along each axis is.
export function strides(shape) {
  const found = new Array(shape.length)
  let step = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    found[axis] = step
    step *= shape[axis]
  }
  return found
}

export function axisOf(axis, rank) {
  return axis < 0 ? axis + rank : axis
}

// The shape that two shapes are brought to, axes counted from the last.
export function broadcast(a, b) {
  const rank = Math.max(a.length, b.length)
  const shape = new Array(rank)
  for (let i = 1; i <= rank; i++) {
    const x = a[a.length - i] ?? 1
    const y = b[b.length - i] ?? 1
    if (x !== y && x !== 1 && y !== 1) throw new Error(`shapes ${a} and ${b} do not fit`)
    shape[rank - i] = x === 1 ? y : x
  }
  return shape
}

// The numbers of `tensor` in the order of `shape`, where the place of each axis moves by `steps`, from `start` on.
export function gathered(tensor, shape, steps, start = 0) {
  const wide = tensor.complex ? 2 : 1
  const size = count(shape)
  const out = new tensor.data.constructor(size * wide)
  if (size === 0) return new Tensor(shape, out, tensor.complex)
  const rank = shape.length
  const place = new Array(rank).fill(0)
  let at = start
  const last = rank - 1
  const inner = rank ? shape[last] : 1
  const step = rank ? steps[last] : 0
  for (let i = 0; i < size; ) {
    if (wide === 1) for (let j = 0, from = at; j < inner; j++, from += step) out[i++] = tensor.data[from]
    else {
      for (let j = 0, from = at; j < inner; j++, from += step, i++) {
        out[2 * i] = tensor.data[2 * from]
        out[2 * i + 1] = tensor.data[2 * from + 1]
      }
    }
    for (let axis = last - 1; axis >= 0; axis--) {
      at += steps[axis]
      if (++place[axis] < shape[axis]) break
      at -= steps[axis] * shape[axis]
      place[axis] = 0
    }
  }
  return new Tensor(shape, out, tensor.complex)
}

// Repeated along axes of size 1, and along new ones in front.
export function expanded(tensor, shape) {
  const lead = shape.length - tensor.shape.length
  const full = shape.map((size, axis) => (size === -1 ? tensor.shape[axis - lead] : size))
  if (count(full) === tensor.size) return tensor.as(full)
  const own = strides(tensor.shape)
  const steps = full.map((_, axis) => (axis < lead || tensor.shape[axis - lead] === 1 ? 0 : own[axis - lead]))
  return gathered(tensor, full, steps)
}

// Rows `index` of axis 0, as a beam is reordered.
export function rows(tensor, index) {
  const width = tensor.data.length / (tensor.shape[0] || 1)
  const data = new tensor.data.constructor(index.length * width)
  index.forEach((row, i) => data.set(tensor.data.subarray(row * width, (row + 1) * width), i * width))
  return new Tensor([index.length, ...tensor.shape.slice(1)], data, tensor.complex)
}
