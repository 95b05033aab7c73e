// node run_graphs.mjs CASES: what graph_cases.py wrote, executed by the page's runtime, with WebAssembly and without.
// Prints the largest difference of any number from PyTorch's, and the places where it is above 1e-4.

import fs from 'node:fs'
import { Graph } from '../../rnnzoo/page/assets/graph.mjs'
import { Products } from '../../rnnzoo/page/assets/products.mjs'
import { Tensor } from '../../rnnzoo/page/assets/tensor.mjs'

const KINDS = { float32: Float32Array, int64: Int32Array, bool: Uint8Array, complex64: Float32Array }

function read({ dtype, shape, data }) {
  const bytes = Buffer.from(data, 'base64')
  const copy = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)
  return new Tensor(shape, new KINDS[dtype](copy), dtype === 'complex64')
}

const tensors = (named) => Object.fromEntries(Object.entries(named).map(([name, one]) => [name, read(one)]))
const { graphs, constants, runs } = JSON.parse(fs.readFileSync(process.argv[2]))
let worst = 0
const faults = []
for (const wasm of [true, false]) {
  const products = new Products({ wasm })
  if (Boolean(products.kernel) !== wasm) faults.push('no WebAssembly')
  const ready = {}
  for (const part in graphs) ready[part] = new Graph(graphs[part], (name) => read(constants[name]), products)
  runs.forEach(({ part, inputs, outputs }, run) => {
    const found = ready[part].run(tensors(inputs))
    for (const [name, { shape, data }] of Object.entries(tensors(outputs))) {
      let most = String(found[name].shape) === String(shape) ? 0 : Infinity
      data.forEach((value, i) => {
        const off = Object.is(value, found[name].data[i]) ? 0 : Math.abs(value - found[name].data[i])
        most = off > most || Number.isNaN(off) ? off : most
      })
      if (!(most <= 1e-4)) faults.push(`${part} ${run} ${name}: ${most}`)
      worst = Math.max(worst, most)
    }
  })
}
console.log(JSON.stringify({ worst, faults, runs: runs.length }))
