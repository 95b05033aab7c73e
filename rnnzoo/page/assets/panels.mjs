// What stands under the coloured text, one panel for each way to colour it.

import { distanceChart, gateChart } from './charts.mjs'
import { h, percent, spoken } from './dom.mjs'
import { PROPERTIES, constant, openness, ranked, valuesAtTokens } from './probes.mjs'
import { Reading, WINDOW, fade } from './reading.mjs'

const PLACES = 16 // of a text, over which memory is averaged

class Panel {
  constructor(card) {
    this.card = card
    this.painted = 0
    this.element = h('div', { class: 'panel', hidden: true }, this.build())
  }

  build() {
    return []
  }

  // The tokens from `count` on are others now.
  changed(count) {
    this.painted = Math.min(this.painted, count)
  }

  begin() {
    this.painted = 0
    this.draw()
  }

  draw() {
    const { steps } = this.card.reading
    const end = Math.min(steps.length, this.card.spans.length)
    for (; this.painted < end; this.painted++) this.card.paint(this.painted, this.value(steps[this.painted], this.painted))
  }

  value() {
    return null
  }

  selected() {}

  // Says whether there is more to do.
  work() {
    return false
  }
}

export class SurprisalPanel extends Panel {
  build() {
    return [
      h('p', { class: 'legend' }, 'fully expected ', h('span', { class: 'ramp', 'aria-hidden': 'true' }), ' 10 bits of surprise: one in a thousand'),
      this.mean = h('p', { class: 'note' }),
    ]
  }

  value({ surprisal }) {
    return surprisal / 10
  }

  draw() {
    super.draw()
    const { steps } = this.card.reading
    if (!steps.length) return (this.mean.textContent = '')
    if (this.counted === steps.length) return
    this.counted = steps.length
    const mean = steps.reduce((sum, { surprisal }) => sum + surprisal, 0) / steps.length
    this.mean.textContent = `${mean.toFixed(2)} bits a token on average, over ${steps.length} tokens`
  }

  changed(count) {
    super.changed(count)
    this.counted = null
  }

  selected() {
    const { place, reading, texts } = this.card
    if (place === null) return this.card.say('')
    const { surprisal } = reading.steps[place]
    this.card.say(`“${spoken(texts[place])}” had ${percent(2 ** -surprisal)}: ${surprisal.toFixed(1)} bits of surprise.`)
  }
}

export class UnitPanel extends Panel {
  build() {
    const parts = this.card.model.json.state.map(({ name }) => name.slice(6))
    this.part = h('select', { onchange: () => this.begin() }, parts.map((name) => h('option', { value: name }, partName(name))))
    this.unit = h('input', { type: 'number', min: 0, value: 0, oninput: () => this.begin() })
    this.what = h('select', { onchange: () => this.card.app.find(this.what.value, this.pattern.value) },
      Object.entries(PROPERTIES).map(([name, { label }]) => h('option', { value: name }, label)))
    this.pattern = h('input', { type: 'text', value: '\\d+|[A-Z]{2,}', spellcheck: 'false' })
    this.found = h('ol', { class: 'found' })
    this.status = h('p', { class: 'note', role: 'status' })
    this.scale = h('span')
    return [
      h('p', { class: 'legend' }, 'below zero ', h('span', { class: 'ramp both', 'aria-hidden': 'true' }), ' above, ', this.scale),
      h('div', { class: 'row' }, h('label', {}, 'State ', this.part), h('label', {}, 'Unit ', this.unit)),
      h('div', { class: 'row' }, h('label', {}, 'Units that follow ', this.what),
        h('label', { hidden: true }, 'Expression ', this.pattern),
        h('button', { type: 'button', onclick: () => this.card.app.find(this.what.value, this.pattern.value) }, 'Find them')),
      this.status, this.found,
    ]
  }

  begin() {
    const name = this.part.value
    const [, ...shape] = this.card.model.json.state.find((one) => one.name === `state.${name}`).shape
    this.unit.max = shape.reduce((a, b) => a * b, 1) - 1
    this.at = Math.min(Math.max(Number(this.unit.value) || 0, 0), this.unit.max)
    this.largest = 1e-6
    super.begin()
    if (!this.sample && this.card.app.mode === 'unit') this.find(this.what.value, this.pattern.value) // so that the first unit one sees does something
  }

  draw() {
    const key = `state.${this.part.value}`
    const { steps } = this.card.reading
    for (let i = this.painted; i < steps.length; i++) {
      const size = Math.abs(steps[i].after[key].data[this.at])
      if (size > this.largest * 1.001) {
        this.largest = size
        this.painted = 0 // the scale has changed
      }
    }
    this.scale.textContent = `up to ${this.largest.toFixed(2)}`
    super.draw()
  }

  value({ after }) {
    return after[`state.${this.part.value}`].data[this.at] / this.largest
  }

  selected() {
    const { place, reading, texts } = this.card
    if (place === null) return this.card.say('')
    const value = reading.steps[place].after[`state.${this.part.value}`].data[this.at]
    this.card.say(`After “${spoken(texts[place])}” unit ${this.at} is ${value.toFixed(3)}.`)
  }

  // The sample is read once, a little in each frame; then all units are held against the property.
  find(what, pattern) {
    this.what.value = what
    this.pattern.value = pattern
    this.pattern.parentElement.hidden = what !== 'pattern'
    try {
      if (this.what.value === 'pattern') new RegExp(this.pattern.value, 'gu')
    } catch (error) {
      this.asked = false
      this.status.textContent = `Not a regular expression: ${error.message}`
      return
    }
    if (!this.sample) {
      this.sample = new Reading(this.card.model)
      this.sample.set(this.card.model.json.sample)
    }
    this.asked = true
    this.card.app.run()
  }

  work(milliseconds) {
    if (!this.asked) return false
    if (this.sample.advance(milliseconds)) {
      this.status.textContent = `Reading the sample text: ${percent(this.sample.steps.length / this.sample.ids.length)}`
      return true
    }
    this.asked = false
    this.rank()
    return false
  }

  rank() {
    const reader = this.card.model.tokenizer.reader()
    const texts = this.sample.ids.map((id) => reader.feed(id))
    for (const option of this.what.options) {
      if (option.value !== 'pattern' && constant(valuesAtTokens(option.value, texts))) {
        option.textContent = `${PROPERTIES[option.value].label} (none in the sample)`
      }
    }
    const values = valuesAtTokens(this.what.value, texts, this.pattern.value)
    const all = this.card.model.json.state.flatMap(({ name }) => {
      const part = name.slice(6)
      return ranked(this.sample.units(part), values).map((one) => ({ ...one, part }))
    })
    all.sort((a, b) => Math.abs(b.r) - Math.abs(a.r))
    const { label } = PROPERTIES[this.what.value]
    this.status.textContent = all.length
      ? `By correlation over ${texts.length} tokens of the sample text in this file:`
      : `In the sample text “${label}” is the same everywhere: nothing to follow. Another text: rnnzoo export --text FILE.`
    this.found.replaceChildren(...all.slice(0, 8).map(({ part, unit, r }) =>
      h('li', {}, h('button', { type: 'button', onclick: () => this.show(part, unit) },
        `${partName(part)}, unit ${unit}`), h('span', { class: 'value' }, ` r = ${r.toFixed(2)}`))))
    if (all.length) this.show(all[0].part, all[0].unit)
  }

  show(part, unit) {
    this.part.value = part
    this.unit.value = unit
    this.begin()
  }
}

function partName(name) {
  const [layer, ...field] = name.split('.')
  return /^\d+$/.test(layer) ? `layer ${Number(layer) + 1}${field.length ? ` · ${field.join('.')}` : ''}` : name
}

// What textbooks call the gates of the cells that they have.
const GATES = { lstm: { i: 'input', f: 'forget', o: 'output' }, gru: { r: 'reset', z: 'update' } }

export class GatePanel extends Panel {
  build() {
    const { gates } = this.card.model
    this.gate = h('select', { onchange: () => this.begin() }, gates.map((name) => h('option', { value: name }, this.called(name))))
    this.chart = gateChart()
    this.rows = h('tbody')
    if (!gates.length) return [h('p', { class: 'note' }, 'This network has no gates.')]
    return [
      h('div', { class: 'row' }, h('label', {}, 'Gate ', this.gate)), this.chart.element,
      h('table', {}, h('thead', {}, h('tr', {}, ['gate', 'mean', 'shut', 'open'].map((text) => h('th', { scope: 'col' }, text)))), this.rows),
    ]
  }

  value({ gates }) {
    return this.gate.value ? average(gates[`gate.${this.gate.value}`].data) : null
  }

  draw() {
    super.draw()
    const { reading, model } = this.card
    const key = `${reading.steps.length} ${this.gate.value}`
    if (!this.gate.value || key === this.key || this.card.app.writing) return
    this.key = key
    this.chart.draw(reading.gate(this.gate.value).map((row) => openness([row])))
    this.rows.replaceChildren(...(reading.steps.length ? model.gates : []).map((name) => {
      const { mean, shut, open } = openness(reading.gate(name))
      return h('tr', {}, h('th', { scope: 'row' }, this.called(name)), [mean, shut, open].map((one) => h('td', {}, percent(one))))
    }))
  }

  changed(count) {
    super.changed(count)
    this.key = null
  }

  selected() {
    const { place, reading, texts } = this.card
    this.chart.mark(place)
    if (place === null || !this.gate.value) return this.card.say('')
    const { mean, shut, open } = openness([reading.gate(this.gate.value)[place]])
    this.card.say(`After “${spoken(texts[place])}” the gate is ${percent(mean)} open on average; ${percent(shut)} of its units are shut, ${percent(open)} open.`)
  }

  called(name) {
    const [layer, gate] = name.split('.')
    const word = GATES[this.card.model.facts.cell]?.[gate]
    return word ? `${partName(layer)} · ${word} (${gate})` : partName(name)
  }
}

function average(data) {
  let sum = 0
  for (const one of data) sum += one
  return sum / data.length
}

export class MemoryPanel extends Panel {
  build() {
    this.chart = distanceChart('share of the probability that moves, had the token there been another')
    return [
      this.status = h('p', { class: 'note', role: 'status' }), this.chart.element,
      this.all = h('button', { type: 'button', onclick: () => this.card.app.average() }, `Average over ${PLACES} places`),
    ]
  }

  begin() {
    this.selected()
  }

  changed() {
    this.search = null
    this.changes = []
    this.asked = undefined
    this.chart.draw([])
    this.status.textContent = ''
  }

  draw() {
    if (this.asked === undefined && !this.card.app.writing && this.card.reading.done) this.selected()
  }

  selected() {
    const { card } = this
    if (!card.reading.done || !card.reading.steps.length) return
    const place = card.tokenPlace
    if (this.asked === place && card.app.mode === 'memory') this.repaint()
    if (this.asked === place) return
    this.asked = place
    this.changes = []
    this.search = card.reading.influence(place)
    card.spans.forEach((_, i) => card.paint(i, null))
    this.chart.draw([])
    card.app.run()
  }

  // The mean over places all along the text, those with a whole window before them where there are enough.
  average() {
    const { reading } = this.card
    const last = reading.steps.length - 1
    const first = last >= 2 * WINDOW ? WINDOW - 1 : Math.min(last, 4)
    const count = Math.min(PLACES, last - first + 1)
    if (!reading.done || count < 1) return
    const places = Array.from({ length: count }, (_, i) => Math.round(first + ((last - first) * (i + 1)) / count))
    this.changes = []
    this.search = meanInfluence(reading, places)
    this.asked = null
    this.card.spans.forEach((_, i) => this.card.paint(i, null))
    this.card.app.run()
  }

  repaint() {
    this.changes.forEach((change, distance) => this.card.paint(this.asked - distance, change))
  }

  work(milliseconds) {
    if (!this.search || this.card.app.mode !== 'memory') return false
    const until = performance.now() + milliseconds
    while (performance.now() < until) {
      const { done, value } = this.search.next()
      if (done) {
        this.search = null
        break
      }
      const [distance, change] = value
      this.changes[distance] = change
      if (this.asked !== null) this.card.paint(this.asked - distance, change)
    }
    const whole = Array.from(this.changes, (change) => change ?? 0)
    this.chart.draw(whole)
    const reach = fade(whole)
    const far = reach === WINDOW
      ? `even ${WINDOW} tokens back, a token moves more than 5% of the probability.`
      : `from ${reach} tokens back on, no single token moves more than 5% of the probability.`
    this.status.textContent = this.search ? 'Trying other tokens …' : `${this.asked === null ? 'On average' : 'Here'}, ${far}`
    return Boolean(this.search)
  }
}

// [distance, change so far] of the mean over some places.
function* meanInfluence(reading, places) {
  const sums = []
  const counts = []
  for (const place of places) {
    for (const [distance, change] of reading.influence(place)) {
      sums[distance] = (sums[distance] ?? 0) + change
      counts[distance] = (counts[distance] ?? 0) + 1
      yield [distance, sums[distance] / counts[distance]]
    }
  }
}
