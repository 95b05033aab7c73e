// A WebAssembly module from its text: the few instructions that the kernels of products.mjs are written in.
//
// One line is one instruction, as in the flat form of WebAssembly's text format. Locals are declared before use:
// `param NAME` and `local NAME` (i32), `v128 NAME`. Text after ;; is a comment.

const OPCODES = {
  block: [0x02, 0x40], loop: [0x03, 0x40], end: [0x0b],
  'i32.add': [0x6a], 'i32.sub': [0x6b], 'i32.mul': [0x6c], 'i32.shl': [0x74], 'i32.ge_u': [0x4f], 'i32.lt_u': [0x49],
  'f32x4.add': [0xfd, 0xe4, 0x01], 'f32x4.mul': [0xfd, 0xe6, 0x01],
}
const WITH_LOCAL = { 'local.get': 0x20, 'local.set': 0x21, 'local.tee': 0x22 }
const WITH_LABEL = { br: 0x0c, br_if: 0x0d }
const WITH_MEMORY = { 'v128.load': [0xfd, 0x00], 'v128.store': [0xfd, 0x0b] }
const I32 = 0x7f
const V128 = 0x7b

// The bytes of a module that imports env.memory and exports one function, `name`.
export function assemble(name, source) {
  const params = []
  const locals = []
  const code = []
  const place = (local) => {
    const found = [...params, ...locals].findIndex((one) => one.name === local)
    if (found < 0) throw new Error(`no local ${local}`)
    return unsigned(found)
  }
  for (const line of source.split('\n')) {
    const [word, ...rest] = line.split(';;')[0].trim().split(/\s+/)
    if (!word) continue
    if (word === 'param') params.push({ name: rest[0], type: I32 })
    else if (word === 'local') locals.push({ name: rest[0], type: I32 })
    else if (word === 'v128') locals.push({ name: rest[0], type: V128 })
    else if (word in OPCODES) code.push(...OPCODES[word])
    else if (word in WITH_LOCAL) code.push(WITH_LOCAL[word], ...place(rest[0]))
    else if (word in WITH_LABEL) code.push(WITH_LABEL[word], ...unsigned(Number(rest[0])))
    else if (word in WITH_MEMORY) code.push(...WITH_MEMORY[word], 2, ...unsigned(Number(rest[0] ?? 0)))
    else if (word === 'i32.const') code.push(0x41, ...signed(Number(rest[0])))
    else if (word === 'v128.zero') code.push(0xfd, 0x0c, ...Array(16).fill(0))
    else if (word === 'shuffle') code.push(0xfd, 0x0d, ...rest.flatMap((lane) => [0, 1, 2, 3].map((i) => 4 * lane + i)))
    else throw new Error(`no instruction ${word}`)
  }
  const body = [...counted(locals.map(({ type }) => [1, type])), ...code, 0x0b]
  return new Uint8Array([
    0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
    ...section(1, [[0x60, ...counted(params.map(({ type }) => [type])), 0]]),
    ...section(2, [[...text('env'), ...text('memory'), 2, 0, 1]]),
    ...section(3, [[0]]),
    ...section(7, [[...text(name), 0, 0]]),
    ...section(10, [[...unsigned(body.length), ...body]]),
  ])
}

function section(id, entries) {
  const bytes = counted(entries)
  return [id, ...unsigned(bytes.length), ...bytes]
}

function counted(entries) {
  return [...unsigned(entries.length), ...entries.flat()]
}

function text(word) {
  const bytes = [...new TextEncoder().encode(word)]
  return [...unsigned(bytes.length), ...bytes]
}

// LEB128, as the format writes its integers.
function unsigned(value) {
  const bytes = []
  do {
    bytes.push((value & 0x7f) | (value > 0x7f ? 0x80 : 0))
    value >>>= 7
  } while (value)
  return bytes
}

function signed(value) {
  const bytes = []
  for (;;) {
    const byte = value & 0x7f
    value >>= 7
    if ((value === 0 && !(byte & 0x40)) || (value === -1 && byte & 0x40)) return [...bytes, byte]
    bytes.push(byte | 0x80)
  }
}
