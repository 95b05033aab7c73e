// Executes exported graphs (graph_json.py writes them): tensors by name in, tensors by name out.
//
// What depends on weights alone is computed once, when the graph is made ready, and matrices of weights are handed to
// `Products`. A scan's body is a graph of its own, run once a step.

import { OPERATORS } from './operators.mjs'
import { Tensor } from './tensor.mjs'

export class Graph {
  // `json` is what graph_json.py wrote, `constant` gives a weight by name, `products` multiplies.
  constructor(json, constant, products) {
    this.inputs = json.inputs
    this.outputs = json.outputs
    this.taps = json.taps
    this.body = new Body(json, { constant, products })
  }

  // The outputs by name, from tensors by the names of the inputs; with `taps` also what lies between them.
  run(named, taps = null) {
    const values = this.body.values(this.inputs.map(({ name }) => named[name]))
    const found = {}
    const results = this.body.results(values)
    this.outputs.forEach((name, i) => (found[name] = results[i]))
    if (taps) for (const name in this.taps) taps[name] = values[this.taps[name]]
    return found
  }
}

class Body {
  // `known` holds the inputs that are the same at every run.
  constructor(json, tools, known = []) {
    this.json = json
    this.fixed = new Array(json.nodes.length)
    this.steps = []
    json.nodes.forEach((node, place) => {
      const [operator, ...args] = node
      if (operator === 'constant') this.fixed[place] = tools.constant(args[0])
      else if (operator === 'input') {
        if (known[args[0]] !== undefined) this.fixed[place] = known[args[0]]
        else this.steps.push({ place, input: args[0] })
      } else this.add(place, operator, args, tools)
    })
    this.results = resolver(json.results)
    this.template = this.fixed.slice()
  }

  add(place, operator, args, tools) {
    const run = this.special(operator, args, tools) ?? OPERATORS[operator]
    if (!run) throw new Error(`this page has no operator ${operator}`)
    const resolved = args.map(resolver)
    if (references(args).every((at) => this.fixed[at] !== undefined)) {
      this.fixed[place] = run(...resolved.map((one) => one(this.fixed)))
    } else this.steps.push({ place, run, args: resolved })
  }

  values(inputs) {
    const values = this.template.slice()
    for (const { place, input, run, args } of this.steps) {
      if (run === undefined) values[place] = inputs[input]
      else if (args.length === 1) values[place] = run(args[0](values))
      else if (args.length === 2) values[place] = run(args[0](values), args[1](values))
      else values[place] = run(...args.map((one) => one(values)))
    }
    return values
  }

  // Products with a fixed matrix, and loops.
  special(operator, args, tools) {
    const fixed = (value) => (value && value.v !== undefined ? this.fixed[value.v] : undefined)
    if (operator === 'scan') return this.scan(args, tools)
    if (operator === 'linear' && fixed(args[1])) return product(tools, fixed(args[1]), false, args[2] && fixed(args[2]))
    if (operator === 'mm' && fixed(args[1]) && !fixed(args[0])) return product(tools, fixed(args[1]), true, null)
    if (operator === 'addmm' && fixed(args[0]) && fixed(args[2]) && !fixed(args[1])) {
      const run = product(tools, fixed(args[2]), true, fixed(args[0]))
      return (bias, x) => run(x)
    }
    return null
  }

  // scan(body, initial carry, sequences, the rest): the carry afterwards, and the outputs of all steps.
  scan([body, , , rest], tools) {
    const carried = body.g.results.length
    const known = (rest ?? []).map((value) => (value?.v === undefined ? undefined : this.fixed[value.v]))
    let inner
    return (_, initial, sequences, others) => {
      if (!inner) {
        const free = new Array(initial.length + sequences.length).fill(undefined)
        inner = new Body(body.g, tools, [...free, ...known])
      }
      let carry = initial
      const outputs = []
      for (let t = 0; t < sequences[0].shape[0]; t++) {
        const now = sequences.map((one) => OPERATORS['select.int'](one, 0, t))
        const results = inner.results(inner.values([...carry, ...now, ...(others ?? [])]))
        carry = results.slice(0, initial.length)
        outputs.push(results.slice(initial.length))
      }
      const count = carried - initial.length
      const stacked = Array.from({ length: count }, (_, i) =>
        OPERATORS.cat(outputs.map((step) => OPERATORS.unsqueeze(step[i], 0)), 0))
      return [...carry, ...stacked]
    }
  }
}

// x times a fixed matrix, transposed where it lies as (in, out).
function product({ products }, weight, transposed, bias) {
  const [n, k] = transposed ? weight.shape.toReversed() : weight.shape
  const matrix = transposed ? OPERATORS.permute(weight, [1, 0]) : weight
  const packed = products.pack(matrix.data, bias?.data ?? null, n, k)
  return (x) => {
    const rows = x.size / k
    return new Tensor([...x.shape.slice(0, -1), n], products.multiply(x.data, rows, packed))
  }
}

// A function of all values so far that gives the argument.
function resolver(written) {
  if (Array.isArray(written)) {
    const parts = written.map(resolver)
    return (values) => parts.map((part) => part(values))
  }
  if (written && typeof written === 'object') {
    if (written.v !== undefined) return (values) => values[written.v]
    if (written.f !== undefined) return () => (written.f === 'inf' ? Infinity : -Infinity)
    return () => undefined
  }
  const value = typeof written === 'boolean' ? Number(written) : written ?? undefined
  return () => value
}

function references(written) {
  if (Array.isArray(written)) return written.flatMap(references)
  return written && written.v !== undefined ? [written.v] : []
}
