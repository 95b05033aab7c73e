// node read_text.mjs MODEL TEXT SEED: what a page says of a text, from the bytes that it holds of a model.

import fs from 'node:fs'
import { modelOf } from '../../rnnzoo/page/assets/models.mjs'
import { opened } from '../../rnnzoo/page/assets/payload.mjs'
import { Reading } from '../../rnnzoo/page/assets/reading.mjs'
import { Random } from '../../rnnzoo/page/assets/sampling.mjs'

const [file, text, seed] = process.argv.slice(2)
const bytes = fs.readFileSync(file)
const model = modelOf(opened(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)))
const reading = new Reading(model)
reading.set(text)
while (reading.advance(1000));
const arrays = { surprisal: reading.steps.map(({ surprisal }) => surprisal), influence: [] }
for (const { name } of model.json.state) {
  const part = name.replace('state.', '')
  arrays[`unit.${part}`] = reading.units(part).map((row) => [...row])
}
for (const name of model.gates) arrays[`gate.${name}`] = reading.gate(name).map((row) => [...row])
for (const [distance, change] of reading.influence(reading.steps.length - 1)) arrays.influence[distance] = change
const sampling = { temperature: 0.8, topK: 9, topP: 0.9, minP: 0.02 }
console.log(JSON.stringify({ arrays, written: model.generate(text, 60, sampling, new Random(Number(seed))) }))
