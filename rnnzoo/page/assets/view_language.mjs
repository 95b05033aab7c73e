// The views of language models: one text, and for each model what it expects and what goes on inside.

import { Card } from './card.mjs'
import { h } from './dom.mjs'
import { Random } from './sampling.mjs'

const MODES = {
  surprisal: ['Surprise', 'how unexpected each token was'],
  unit: ['One unit', 'what a single number in the state does'],
  gate: ['Gates', 'how open the gates are'],
  memory: ['Memory', 'what the prediction at a place rests on'],
}
const LONGEST = 10000 // characters: all units after each token are kept
const FRAME_TIME = 7 // milliseconds of work a frame, which leaves the browser time to draw sixty a second

export function languageView(models) {
  const app = new LanguageApp(models)
  return { sections: app.sections(), start: () => app.start() }
}

class LanguageApp {
  constructor(models) {
    this.models = models
    this.mode = 'surprisal'
    this.selected = null // a character's place in the text; null is the end
    this.writing = null
    this.cards = models.map((model) => new Card(model, this))
  }

  sections() {
    this.area = h('textarea', {
      id: 'text', rows: 7, maxlength: LONGEST, spellcheck: 'false', autocomplete: 'off', autocapitalize: 'off', 'aria-describedby': 'text-help',
      oninput: () => this.typed(),
    })
    this.button = h('button', { type: 'button', class: 'primary', onclick: () => (this.writing ? this.stop() : this.write()) }, 'Write on')
    const empty = h('button', { type: 'button', onclick: () => this.empty() }, 'Empty')
    this.back = h('button', { type: 'button', disabled: true, onclick: () => this.takeBack() }, 'Take it back')
    this.note = h('p', { class: 'note', role: 'status' })
    this.writer = h('select', { id: 'writer' }, this.models.map((model, i) => h('option', { value: i }, model.name)))
    const modes = Object.entries(MODES).filter(([mode]) => mode !== 'gate' || this.models.some(({ gates }) => gates.length))
    const typing = [
      h('section', { 'aria-labelledby': 'write-title' },
        h('h2', { id: 'write-title' }, 'Type, and the network reads along'),
        h('label', { for: 'text', class: 'hidden' }, 'Text'),
        this.area,
        h('p', { id: 'text-help', class: 'help' }, 'After each key the bars show what it expects next. “Write on” lets it continue.',
          this.models.some(({ tokenizer }) => tokenizer.lines) && ' Words and punctuation marks stand between spaces here , like this .',
          this.models.length > 1 && this.models[0].json.own && ` The first text is by ${this.models[0].name}, whom it surprises least.`),
        h('div', { class: 'row' }, this.button, this.back, empty,
          this.models.length > 1 && h('label', {}, 'Writer ', this.writer)),
        this.note,
        h('details', {}, h('summary', {}, 'How it chooses'), h('div', { class: 'row fields' },
          this.slider('temperature', 'Temperature', 0, 2, 0.05, 0.8, '0 always takes the most probable'),
          this.number('topK', 'Top k', 0, 1000, 0, '0 keeps all'),
          this.slider('topP', 'Top p', 0.05, 1, 0.05, 1, '1 keeps all'),
          this.slider('minP', 'Min p', 0, 0.5, 0.01, 0, '0 keeps all'),
          this.number('seed', 'Seed', 0, 4294967295, 1, 'the same seed writes the same'))),
      ),
      h('section', { 'aria-labelledby': 'next-title' },
        h('h2', { id: 'next-title' }, 'What comes next'),
        this.where = h('p', { class: 'help' }),
        h('div', { class: 'columns' }, this.cards.map((card) => card.expectation())),
      ),
    ]
    return [
      h('div', { class: this.models.length === 1 ? 'beside' : null }, typing),
      h('section', { 'aria-labelledby': 'inside-title' },
        h('h2', { id: 'inside-title' }, 'What goes on inside'),
        h('fieldset', { class: 'row modes' }, h('legend', {}, 'Colour the text by'), modes.map(([mode, [label, title]]) =>
          h('label', { title }, h('input', {
            type: 'radio', name: 'mode', value: mode, checked: mode === this.mode, onchange: () => this.setMode(mode),
          }), label))),
        this.hint = h('p', { class: 'help', 'aria-live': 'polite' }),
        h('div', { class: 'columns wide' }, this.cards.map((card) => card.inside())),
      ),
    ]
  }

  slider(name, label, min, max, step, value, title) {
    const shown = h('output', {}, String(value))
    const input = h('input', { type: 'range', id: name, min, max, step, value, title, oninput: () => (shown.textContent = input.value) })
    this[name] = input
    return h('label', { title }, label, ' ', shown, input)
  }

  number(name, label, min, max, value, title) {
    this[name] = h('input', { type: 'number', id: name, min, max, value, title })
    return h('label', { title }, label, this[name])
  }

  start() {
    const [{ json }] = this.models
    this.area.value = firstText(json)
    this.setMode(this.mode)
    this.typed()
  }

  // ------------------------------------------------------------------------------------------------------ the text

  get text() {
    return this.area.value
  }

  typed() {
    this.stop()
    this.selected = null
    this.random = null
    this.own = null
    this.back.disabled = true
    this.read()
    this.say(this.models.map((model, i) => ({ model, missing: this.cards[i].missing() })))
  }

  say(all) {
    const [first] = all
    if (all.every(({ missing }) => String(missing) === String(first.missing))) all = [first]
    const lines = all.filter(({ missing }) => missing.length).map(({ model, missing }) => {
      const who = this.models.length > 1 && all.length === 1 ? 'None of them has ever seen' : `${model.name} has never seen`
      return `${who} ${missing.slice(0, 5).map((one) => `“${one}”`).join(' ')}${missing.length > 5 ? ' …' : ''}: ${model.tokenizer.hasUnk ? 'read as <unk>' : 'left out'}.`
    })
    this.note.textContent = lines.join(' ')
  }

  read() {
    for (const card of this.cards) card.set(this.text)
    this.run()
  }

  // Reads, draws and writes, a little in each frame.
  run() {
    if (this.running) return
    this.running = true
    const frame = () => {
      let more = false
      for (const card of this.cards) more = card.reading.advance(FRAME_TIME / this.cards.length) || more
      if (!more && this.writing) more = this.writeOn()
      for (const card of this.cards) card.draw()
      this.caption()
      for (const card of this.cards) more = card.work(FRAME_TIME / this.cards.length) || more
      if (more || this.writing) requestAnimationFrame(frame)
      else this.running = false
    }
    requestAnimationFrame(frame)
  }

  caption() {
    const [{ texts, place }] = this.cards
    const text = this.selected === null ? this.text : texts.slice(0, place + 1).join('')
    this.where.textContent = text ? `after “${text.length > 28 ? '…' : ''}${text.slice(-28).replaceAll('\n', '↵')}”` : 'at the beginning of a text'
  }

  // ------------------------------------------------------------------------------------------------------- writing

  write() {
    this.own ??= this.text
    this.random ??= new Random(Number(this.seed.value) || 0)
    this.selected = null
    const { model } = this.cards[Number(this.writer.value)]
    const reader = model.tokenizer.writer()
    for (const id of model.encode(this.text)) reader.feed(id)
    this.writing = { card: this.cards[Number(this.writer.value)], reader, left: 2000 }
    this.button.textContent = 'Stop'
    this.back.disabled = false
    this.run()
  }

  stop() {
    this.writing = null
    if (this.button) this.button.textContent = 'Write on'
  }

  empty() {
    this.area.value = ''
    this.typed()
    this.area.focus()
  }

  takeBack() {
    this.stop()
    this.area.value = this.own ?? this.text
    this.typed()
  }

  writeOn() {
    const { card, reader } = this.writing
    const sampling = {
      temperature: Number(this.temperature.value), topK: Number(this.topK.value) || 0,
      topP: Number(this.topP.value), minP: Number(this.minP.value),
    }
    const until = performance.now() + FRAME_TIME
    let text = this.text
    do {
      const token = card.reading.drawn(sampling, this.random)
      const piece = reader.feed(token)
      text += piece
      card.reading.push(token)
      this.writing.left -= 1
    } while (performance.now() < until && this.writing.left > 0 && this.cards.length === 1 && this.mode !== 'memory')
    this.area.value = text
    this.area.scrollTop = this.area.scrollHeight
    for (const one of this.cards) if (one !== card) one.set(text)
    card.reading.text = text
    if (this.writing.left <= 0 || text.length >= LONGEST) this.stop()
    return true
  }

  // ------------------------------------------------------------------------------------------------------- looking

  setMode(mode) {
    this.mode = mode
    this.hint.textContent = {
      surprisal: 'The stronger the colour of a token, the less the network had expected it. Point at one, or move there with the arrow keys.',
      unit: 'Blue is below zero, orange above. Choose a unit, or let the page find those that follow something.',
      gate: 'The stronger the colour of a token, the wider the gate is open after it, on average over all units.',
      memory: 'Click a token, or move to it with the arrow keys. The stronger the colour of an earlier one, the more the prediction after yours would change, had another stood in its place.',
    }[mode]
    for (const card of this.cards) card.setMode(mode)
    this.run()
  }

  // The units of each model that follow something.
  find(what, pattern) {
    for (const card of this.cards) card.panels.unit.find(what, pattern)
  }

  // What memory reaches on average, in each model.
  average() {
    for (const card of this.cards) card.panels.memory.average()
  }

  select(place) {
    this.selected = place
    for (const card of this.cards) card.selected()
    this.run()
  }
}

// The page begins with a few lines of its sample.
function firstText({ sample }) {
  const end = sample.indexOf('\n', 240)
  return sample.slice(0, end > 0 && end < 500 ? end : 300)
}

