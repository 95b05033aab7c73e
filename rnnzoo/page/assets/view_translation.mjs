// The views of translators: a sentence, its translation as it is written, where the model looked, what it dropped.

import { beamTree } from './beam_tree.mjs'
import { h, percent, shown, spoken, svg } from './dom.mjs'

const SEARCH_TIME = 8
const EXAMPLES = {
  en: ['The children are playing in the garden.', 'I would like a cup of coffee, please.', 'Where did you buy that book?'],
  de: ['Zwei Hunde spielen im Schnee.', 'Eine Frau fährt mit dem Fahrrad.'],
}

export function translationView(models) {
  const app = new TranslationApp(models)
  return { sections: app.sections(), start: () => app.start() }
}

class TranslationApp {
  constructor(models) {
    this.cards = models.map((model) => new TranslationCard(model, this))
  }

  sections() {
    this.input = h('textarea', { id: 'text', rows: 2, spellcheck: 'false', oninput: () => this.later(), 'aria-describedby': 'text-help' })
    const beam = h('output', {}, '5')
    this.beam = h('input', { type: 'range', id: 'beam', min: 1, max: 10, value: 5, oninput: () => {
      beam.textContent = this.beam.value
      this.later()
    } })
    const alpha = h('output', {}, '1')
    this.alpha = h('input', { type: 'range', id: 'alpha', min: 0, max: 2, step: 0.1, value: 1, oninput: () => {
      alpha.textContent = this.alpha.value
      this.later()
    } })
    return [
      h('section', { 'aria-labelledby': 'source-title' },
        h('h2', { id: 'source-title' }, 'Type a sentence'),
        h('label', { for: 'text', class: 'hidden' }, 'Sentence'), this.input,
        h('p', { id: 'text-help', class: 'help' }, 'The translation is searched for anew after each key.'),
        h('details', {}, h('summary', {}, 'How it searches'), h('div', { class: 'row fields' },
          h('label', { title: 'hypotheses that are followed at once; 1 is greedy' }, 'Beam ', beam, this.beam),
          h('label', { title: 'how much longer translations are helped' }, 'Length penalty ', alpha, this.alpha)))),
      h('div', { class: 'columns wide' }, this.cards.map((card) => card.element())),
    ]
  }

  start() {
    const [{ model }] = this.cards
    const [language] = model.name.match(/(?<=[.-])(en|de)(?=-\w\w$)/) ?? []
    this.input.value = model.json.sample || model.name.includes('numbers') ? model.json.sample || 'two hundred and forty-one' : EXAMPLES[language ?? 'en'][0]
    this.later()
  }

  later() {
    const sentence = this.input.value
    const options = { beam: Number(this.beam.value), alpha: Number(this.alpha.value) }
    for (const card of this.cards) card.begin(sentence, options)
    if (this.running) return
    this.running = true
    const frame = () => {
      let more = false
      for (const card of this.cards) more = card.advance(SEARCH_TIME / this.cards.length) || more
      if (more) requestAnimationFrame(frame)
      else this.running = false
    }
    requestAnimationFrame(frame)
  }
}

class TranslationCard {
  constructor(model, app) {
    this.model = model
    this.app = app
  }

  element() {
    this.result = h('p', { class: 'translation', 'aria-live': 'polite', lang: this.model.name.match(/-(\w\w)$/)?.[1] })
    this.note = h('p', { class: 'note', role: 'status' })
    this.looked = h('div', {})
    this.tree = h('div', { class: 'scroll', tabindex: 0, role: 'group', 'aria-label': 'The beam' })
    return h('section', { class: 'card', 'aria-label': this.model.name },
      this.app.cards.length > 1 && h('h2', {}, this.model.name),
      this.result, this.note,
      h('h3', {}, this.model.attends ? 'Where it looked' : 'All that it knows of the sentence'), this.looked,
      h('h3', {}, 'What it weighed'),
      h('p', { class: 'help' }, 'Each column is one token further. What was followed is joined by lines, blue to the translation; what was dropped is grey. The number is the log-probability of all up to there.'),
      this.tree)
  }

  begin(sentence, options) {
    this.sentence = sentence
    this.options = options
    this.source = null
    this.found = null
    this.waiting = true
  }

  // Searches on for some milliseconds; says whether there is more.
  advance(milliseconds) {
    if (!this.waiting) return false
    if (!this.source) {
      this.source = this.model.encode(this.sentence)
      this.history = []
      const missing = this.model.source.missing?.(this.sentence) ?? []
      this.note.textContent = missing.length ? `It has never seen ${missing.slice(0, 5).map((one) => `“${one}”`).join(' ')} and reads on without.` : ''
      if (!this.source.ids.length) {
        this.result.textContent = ''
        this.looked.replaceChildren()
        this.tree.replaceChildren()
        return (this.waiting = false)
      }
      this.search = this.model.search(this.source, this.options)
      return true
    }
    const until = performance.now() + milliseconds
    do {
      const { value, done } = this.search.next()
      if (done) {
        this.finish()
        return (this.waiting = false)
      }
      this.history.push(value)
      this.best = value.hypotheses[0]
      const leading = value.running[0] ?? this.best
      this.result.textContent = this.model.written((this.best && value.done ? this.best : leading).tokens)
    } while (performance.now() < until)
    return true
  }

  finish() {
    const { tokens, score, logProb, finished } = this.best
    this.result.textContent = this.model.written(tokens)
    const length = this.options.alpha === 1 ? 'a token' : 'with its length counted'
    const note = `Log-probability ${logProb.toFixed(2)}, ${score.toFixed(2)} ${length}${finished ? '' : '; cut at its limit'}.`
    this.note.textContent = [this.note.textContent, note].filter(Boolean).join(' ')
    const steps = this.model.look(this.source, tokens)
    const source = [...this.source.ids.map((id) => this.model.source.names[id]), '(end)']
    const target = [...tokens.map((id) => this.model.tokenizer.names[id]), '(end)']
    this.looked.replaceChildren(this.model.attends ? attentionViews(source, target, steps) : vectorView(this.source.state))
    const names = this.model.tokenizer.names
    this.tree.replaceChildren(beamTree(this.history, this.best.node, (token) => (token === this.model.boundary ? '(end)' : shown(names[token]))))
  }
}

// ---------------------------------------------------------------------------------------------------------- attention

// The same weights as lines between the two sentences, and as a table.
function attentionViews(source, target, steps) {
  const summary = h('p', { class: 'note', 'aria-live': 'polite' }, 'Point at a word of the translation to see what it was written from.')
  const tops = source.map((text) => h('span', { class: 'word' }, shown(text)))
  const bottoms = target.map((text, i) => h('button', { type: 'button', class: 'word', onpointerenter: () => point(i), onfocus: () => point(i), onclick: () => point(i) }, shown(text)))
  const lines = svg('svg', { class: 'lines', 'aria-hidden': 'true', preserveAspectRatio: 'none', viewBox: '0 0 100 100' })
  const cells = []
  const table = h('table', { class: 'matrix' },
    h('caption', { class: 'hidden' }, 'Attention: a row for each token written, a column for each token read'),
    h('thead', {}, h('tr', {}, h('td', {}), source.map((text) => h('th', { scope: 'col' }, h('span', {}, shown(text)))))),
    h('tbody', {}, target.map((text, t) => {
      const row = h('tr', { onpointerenter: () => point(t) }, h('th', { scope: 'row' }, shown(text)),
        steps[t].weights.map((weight, s) => h('td', { '--a': weight.toFixed(3), title: `${spoken(text)} looked at ${spoken(source[s])}: ${percent(weight)}` },
          h('span', { class: 'hidden' }, percent(weight)))))
      cells.push(row)
      return row
    })))
  const pair = h('div', { class: 'pair' }, h('p', {}, tops), lines, h('p', {}, bottoms))

  function point(t) {
    const { weights, p, others } = steps[t]
    const order = [...weights.keys()].sort((a, b) => weights[b] - weights[a]).filter((s) => weights[s] > 0.03).slice(0, 4)
    summary.textContent = `“${spoken(target[t])}” (${percent(p)}) looked at ${order.map((s) => `“${spoken(source[s])}” ${percent(weights[s])}`).join(', ')}`
    const box = pair.getBoundingClientRect()
    const middle = (element, below) => {
      const at = element.getBoundingClientRect()
      return [at.left + at.width / 2 - box.left, (below ? at.top : at.bottom) - box.top]
    }
    lines.setAttribute('viewBox', `0 0 ${box.width} ${box.height}`)
    const [x, y] = middle(bottoms[t], true)
    lines.replaceChildren(...weights.flatMap((weight, s) => {
      if (weight < 0.02) return []
      const [u, v] = middle(tops[s], false)
      return [svg('line', { x1: x, y1: y, x2: u, y2: v, 'stroke-width': (1 + 5 * weight).toFixed(1), 'stroke-opacity': (0.15 + 0.85 * weight).toFixed(2) })]
    }))
    tops.forEach((element, s) => element.style.setProperty('--a', weights[s].toFixed(3)))
    bottoms.forEach((element, i) => element.classList.toggle('chosen', i === t))
    cells.forEach((row, i) => row.classList.toggle('chosen', i === t))
  }
  requestAnimationFrame(() => pair.isConnected && point(0))
  return h('div', { class: 'looked' }, h('div', {}, pair, summary), h('div', { class: 'scroll', tabindex: 0, role: 'group', 'aria-label': 'Attention as a matrix' }, table))
}

// All that the decoder gets of a sentence where there is no attention.
function vectorView(state) {
  const parts = Object.entries(state)
  const count = parts.reduce((sum, [, { data }]) => sum + data.length, 0)
  return h('div', {},
    h('p', { class: 'help' }, `This model has no attention. Whatever the sentence, the decoder gets these ${count.toLocaleString('en')} numbers of it, in which it begins, and never looks back. Blue is below zero, orange above.`),
    parts.map(([name, { data }]) => {
      const largest = Math.max(...data.map(Math.abs), 1e-6)
      const [layer, field] = name.replace(/^state\.(layers\.)?/, '').split('.')
      const strip = h('div', { class: 'strip', role: 'img', 'aria-label': `${data.length} numbers, from ${Math.min(...data).toFixed(2)} to ${Math.max(...data).toFixed(2)}` },
        Array.from(data, (value, i) => h('span', { '--a': (Math.abs(value) / largest).toFixed(2), class: value < 0 ? 'below' : null, title: `${i}: ${value.toFixed(3)}` })))
      return h('figure', {}, strip, h('figcaption', {}, `layer ${Number(layer) + 1}${field ? ` · ${field}` : ''}: ${data.length} numbers`))
    }))
}
