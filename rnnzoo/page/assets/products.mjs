// Products of a vector, or of some rows, with a matrix of weights: nearly all of a recurrent network's work.
//
// The weights lie in WebAssembly's memory in float32, so that a step multiplies four numbers at a time. A row is filled
// up with zeros to a multiple of four numbers, and the rows to a multiple of four. Where there is no WebAssembly the
// same sums are made in JavaScript.

import { assemble } from './wasm.mjs'

const KERNEL = `
  param x       ;; (m, k4 * 4)
  param w       ;; (n4 * 4, k4 * 4)
  param bias    ;; (n4 * 4)
  param out     ;; (m, n4 * 4)
  param m
  param n4
  param k4
  local stride
  local row
  local place
  local at
  local from
  local left
  local to
  local w1
  v128 a
  v128 b
  v128 c
  v128 d
  v128 v
  v128 s
  v128 t
  local.get k4
  i32.const 4
  i32.shl
  local.set stride
  block
    loop                      ;; four columns of the result, for all rows: their weights are read once
      local.get place
      local.get n4
      i32.ge_u
      br_if 1
      local.get x
      local.set from
      i32.const 0
      local.set row
      local.get out
      local.get place
      i32.const 4
      i32.shl
      i32.add
      local.set to
      block
        loop
          local.get row
          local.get m
          i32.ge_u
          br_if 1
          v128.zero
          local.tee a
          local.tee b
          local.tee c
          local.set d
          local.get w
          local.set at
          local.get k4
          local.set left
          loop
            local.get from
            v128.load
            local.set v
            local.get a
            local.get v
            local.get at
            v128.load
            f32x4.mul
            f32x4.add
            local.set a
            local.get b
            local.get v
            local.get at
            local.get stride
            i32.add
            local.tee w1
            v128.load
            f32x4.mul
            f32x4.add
            local.set b
            local.get c
            local.get v
            local.get w1
            local.get stride
            i32.add
            local.tee w1
            v128.load
            f32x4.mul
            f32x4.add
            local.set c
            local.get d
            local.get v
            local.get w1
            local.get stride
            i32.add
            v128.load
            f32x4.mul
            f32x4.add
            local.set d
            local.get from
            i32.const 16
            i32.add
            local.set from
            local.get at
            i32.const 16
            i32.add
            local.set at
            local.get left
            i32.const 1
            i32.sub
            local.tee left
            br_if 0
          end
          local.get a         ;; the four sums of four lanes each, side by side
          local.get b
          shuffle 0 4 1 5
          local.get a
          local.get b
          shuffle 2 6 3 7
          f32x4.add
          local.set s
          local.get c
          local.get d
          shuffle 0 4 1 5
          local.get c
          local.get d
          shuffle 2 6 3 7
          f32x4.add
          local.set t
          local.get to
          local.get s
          local.get t
          shuffle 0 1 4 5
          local.get s
          local.get t
          shuffle 2 3 6 7
          f32x4.add
          local.get bias
          local.get place
          i32.const 4
          i32.shl
          i32.add
          v128.load
          f32x4.add
          v128.store
          local.get to
          local.get n4
          i32.const 4
          i32.shl
          i32.add
          local.set to
          local.get row
          i32.const 1
          i32.add
          local.set row
          br 0
        end
      end
      local.get w
      local.get stride
      i32.const 2
      i32.shl
      i32.add
      local.set w
      local.get place
      i32.const 1
      i32.add
      local.set place
      br 0
    end
  end
`
const PAGE = 65536

// Matrices of weights, and the products with them.
export class Products {
  constructor({ wasm = true } = {}) {
    this.memory = new WebAssembly.Memory({ initial: 1 })
    this.used = 0
    this.floats = new Float32Array(this.memory.buffer)
    this.scratch = { start: 0, size: 0 }
    this.kernel = wasm ? instantiate(this.memory) : null
  }

  // Takes a matrix (n, k), row after row, and a bias (n) or null; gives what `multiply` is asked with.
  pack(matrix, bias, n, k) {
    const k4 = Math.ceil(k / 4)
    const n4 = Math.ceil(n / 4)
    const start = this.reserve(n4 * 4 * k4 * 4 + n4 * 4)
    for (let row = 0; row < n; row++) {
      this.floats.set(matrix.subarray(row * k, (row + 1) * k), start + row * k4 * 4)
    }
    const biasStart = start + n4 * 4 * k4 * 4
    if (bias) this.floats.set(bias, biasStart)
    return { start, biasStart, n, k, n4, k4 }
  }

  // x (m, k) times the transpose of a packed matrix, and its bias: (m, n).
  multiply(x, m, packed) {
    const { start, biasStart, n, k, n4, k4 } = packed
    const into = this.room(m * (k4 + n4) * 4)
    const out = into + m * k4 * 4
    const floats = this.floats
    for (let row = 0; row < m; row++) {
      const at = into + row * k4 * 4
      floats.set(m === 1 ? x : x.subarray(row * k, (row + 1) * k), at)
      for (let pad = k; pad < k4 * 4; pad++) floats[at + pad] = 0
    }
    if (this.kernel) this.kernel(into * 4, start * 4, biasStart * 4, out * 4, m, n4, k4)
    else plainly(floats, into, packed, out, m)
    if (n === n4 * 4) return floats.slice(out, out + m * n)
    const result = new Float32Array(m * n)
    for (let row = 0; row < m; row++) {
      result.set(floats.subarray(out + row * n4 * 4, out + row * n4 * 4 + n), row * n)
    }
    return result
  }

  // `size` floats for good, at a place that four of them fit to.
  reserve(size) {
    const start = this.used
    this.used += Math.ceil(size / 4) * 4
    this.grow(this.used)
    this.floats.fill(0, start, this.used) // where the last product's numbers may have been
    this.scratch = { start: this.used, size: 0 }
    return start
  }

  // `size` floats until the next call.
  room(size) {
    if (this.scratch.size < size) {
      this.scratch = { start: this.used, size }
      this.grow(this.used + size)
    }
    return this.scratch.start
  }

  grow(floats) {
    const missing = floats * 4 - this.memory.buffer.byteLength
    if (missing <= 0) return
    // half as much again, so that many weights do not mean as many copies
    this.memory.grow(Math.ceil(Math.max(missing, this.memory.buffer.byteLength / 2) / PAGE))
    this.floats = new Float32Array(this.memory.buffer)
  }
}

let compiled

function instantiate(memory) {
  try {
    compiled ??= new WebAssembly.Module(assemble('multiply', KERNEL))
    return new WebAssembly.Instance(compiled, { env: { memory } }).exports.multiply
  } catch {
    return null // a browser without SIMD, or a policy without WebAssembly
  }
}

function plainly(floats, x, { start, biasStart, n, n4, k4 }, out, m) {
  const stride = k4 * 4
  for (let row = 0; row < m; row++) {
    for (let column = 0; column < n; column++) {
      let sum = 0
      const a = x + row * stride
      const b = start + column * stride
      for (let i = 0; i < stride; i++) sum += floats[a + i] * floats[b + i]
      floats[out + row * n4 * 4 + column] = sum + floats[biasStart + column]
    }
  }
}
