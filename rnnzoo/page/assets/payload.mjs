// What a page holds of a model, as rnnzoo/page/contents.py wrote it: a JSON text, and weights as they are stored.

import { Tensor, count } from './tensor.mjs'

const BYTES = { int8: 1, uint8: 1, bool: 1, float16: 2, bfloat16: 2, int16: 2, float32: 4, int32: 4, float64: 8, int64: 8, complex64: 8 }

// { json, constant(name) } from base64 of the deflated bytes.
export async function unpack(base64) {
  const text = atob(base64.trim())
  const packed = new Uint8Array(text.length)
  for (let i = 0; i < packed.length; i++) packed[i] = text.charCodeAt(i)
  const inflated = new Blob([packed]).stream().pipeThrough(new DecompressionStream('deflate-raw'))
  return opened(await new Response(inflated).arrayBuffer())
}

export function opened(buffer) {
  const length = new DataView(buffer).getUint32(0, true)
  const json = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)))
  const places = new Map()
  let at = 4 + length
  for (const weight of json.weights) {
    const bytes = count(weight.shape) * BYTES[weight.dtype]
    places.set(weight.name, { ...weight, buffer: buffer.slice(at, at + bytes) })
    at += Math.ceil(bytes / 8) * 8
  }
  const read = new Map()
  const constant = (name) => {
    if (!read.has(name)) read.set(name, tensorOf(places, name))
    return read.get(name)
  }
  return { json, constant }
}

function tensorOf(places, name) {
  const { dtype, shape, buffer } = places.get(name)
  if (dtype !== 'int8' || !places.has(`${name}::scale`)) return new Tensor(shape, numbers(dtype, buffer), dtype === 'complex64')
  const whole = new Int8Array(buffer)
  const scales = numbers(places.get(`${name}::scale`).dtype, places.get(`${name}::scale`).buffer)
  const width = shape.at(-1)
  const out = new Float32Array(whole.length)
  for (let i = 0, row = 0; i < out.length; row++) {
    const scale = scales[row]
    for (const end = i + width; i < end; i++) out[i] = whole[i] * scale
  }
  return new Tensor(shape, out)
}

function numbers(dtype, buffer) {
  switch (dtype) {
    case 'float32': case 'complex64': return new Float32Array(buffer)
    case 'float64': return new Float64Array(buffer)
    case 'float16': return halves(new Uint16Array(buffer))
    case 'bfloat16': {
      const words = Uint32Array.from(new Uint16Array(buffer), (bits) => bits << 16)
      return new Float32Array(words.buffer)
    }
    case 'int64': return Int32Array.from(new BigInt64Array(buffer), Number)
    case 'bool': return new Uint8Array(buffer)
    case 'int8': return Int32Array.from(new Int8Array(buffer))
    case 'uint8': return Int32Array.from(new Uint8Array(buffer))
    case 'int16': return Int32Array.from(new Int16Array(buffer))
    case 'int32': return new Int32Array(buffer)
    default: throw new Error(`no numbers of the kind ${dtype}`)
  }
}

let table // of all half-precision numbers: a million are looked up faster than computed

function halves(words) {
  table ??= Float32Array.from({ length: 65536 }, (_, bits) => half(bits))
  const out = new Float32Array(words.length)
  for (let i = 0; i < out.length; i++) out[i] = table[words[i]]
  return out
}

// A half-precision number from its 16 bits.
function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 31
  const fraction = bits & 1023
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction ? NaN : sign * Infinity
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}
