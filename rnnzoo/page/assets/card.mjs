// One language model's part of the page: its expectation as bars, the text in colours, and the panel of each view.

import { h, percent, shown, spoken } from './dom.mjs'
import { GatePanel, MemoryPanel, SurprisalPanel, UnitPanel } from './panels.mjs'
import { Reading } from './reading.mjs'

const BARS = 10

export class Card {
  constructor(model, app) {
    this.model = model
    this.app = app
    this.reading = new Reading(model)
    this.texts = [] // of each token, joined they are the text as the model knows it
    this.spans = []
    this.place = null // of the token that is pointed at
    this.panels = {
      surprisal: new SurprisalPanel(this), unit: new UnitPanel(this), gate: new GatePanel(this), memory: new MemoryPanel(this),
    }
  }

  // ------------------------------------------------------------------------------------------------------- elements

  title() {
    return this.app.models.length > 1 && h('h3', {}, this.model.name)
  }

  expectation() {
    this.bars = Array.from({ length: Math.min(BARS, this.model.tokenizer.names.length) }, () => {
      const bar = { label: h('span', { class: 'token' }), value: h('span', { class: 'value' }), fill: h('span', { class: 'bar' }) }
      bar.row = h('li', {}, bar.label, h('span', { class: 'track', 'aria-hidden': 'true' }, bar.fill), bar.value)
      return bar
    })
    return h('div', { class: 'card' }, this.title(), h('ol', { class: 'bars', 'aria-label': `Most probable next, ${this.model.name}` }, this.bars.map(({ row }) => row)))
  }

  inside() {
    this.view = h('div', {
      class: 'reading', role: 'listbox', tabindex: 0, 'aria-label': `The text as ${this.model.name} reads it`,
      onkeydown: (event) => this.key(event), onclick: (event) => this.point(event, true), onpointerover: (event) => this.point(event, false),
    })
    this.about = h('p', { class: 'note', 'aria-live': 'polite' })
    return h('div', { class: 'card' }, this.title(), this.view, this.about,
      Object.values(this.panels).map((panel) => panel.element))
  }

  get panel() {
    return this.panels[this.app.mode]
  }

  // ------------------------------------------------------------------------------------------------------ the text

  set(text) {
    const same = this.reading.set(text)
    this.trim(same)
  }

  trim(count) {
    while (this.spans.length > count) this.spans.pop().remove()
    this.texts.length = this.spans.length
    for (const panel of Object.values(this.panels)) panel.changed(count)
  }

  missing() {
    return this.model.tokenizer.missing(this.app.text)
  }

  draw() {
    const { steps } = this.reading
    if (this.spans.length < steps.length) {
      const reader = this.model.tokenizer.writer()
      steps.slice(0, this.spans.length).forEach(({ token }) => reader.feed(token))
      const made = steps.slice(this.spans.length).map(({ token }) => {
        const text = reader.feed(token)
        const place = this.texts.push(text) - 1
        const span = h('span', { role: 'option', id: `${this.id}-${place}`, 'aria-selected': 'false' }, text || '\u200b')
        if (text === '\n') span.classList.add('break')
        this.spans.push(span)
        return span
      })
      this.view.append(...made)
      if (this.app.writing) this.view.scrollTop = this.view.scrollHeight
    }
    this.panel.draw()
    this.drawBars()
  }

  get id() {
    return `t${this.app.cards.indexOf(this)}`
  }

  drawBars() {
    const place = this.tokenPlace
    if (place >= this.reading.steps.length) return
    const top = this.reading.top(place)
    if (top === this.drawn) return
    this.drawn = top
    this.bars.forEach((bar, i) => {
      const { id, p } = top[i]
      const name = this.model.tokenizer.names[id]
      bar.label.textContent = shown(name)
      bar.row.setAttribute('aria-label', `${spoken(name)}: ${percent(p)}`)
      bar.value.textContent = percent(p)
      bar.fill.style.setProperty('--p', p.toFixed(4))
    })
  }

  // Where the view stands: the token pointed at, else the last one read; -1 before the first.
  get tokenPlace() {
    return this.place ?? this.reading.steps.length - 1
  }

  // Colours token `place`: from -1, all blue, to 1, all orange; null for none.
  paint(place, value) {
    const span = this.spans[place]
    const text = value === null ? '0' : Math.min(Math.abs(value), 1).toFixed(2)
    if (span.painted === text && span.side === (value < 0)) return
    span.painted = text
    span.side = value < 0
    span.style.setProperty('--a', text)
    span.classList.toggle('below', value < 0)
  }

  // ------------------------------------------------------------------------------------------------------- pointing

  point(event, chosen) {
    const place = this.spans.indexOf(event.target)
    if (place < 0 || (this.app.mode === 'memory' && !chosen)) return
    if (this.app.writing && !chosen) return
    this.choose(place)
  }

  key(event) {
    const last = this.spans.length - 1
    const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 10, ArrowUp: -10 }
    let place = this.place ?? last
    if (event.key in steps) place += steps[event.key]
    else if (event.key === 'Home') place = 0
    else if (event.key === 'End') place = last
    else if (event.key === 'Escape') return this.app.select(null)
    else return
    event.preventDefault()
    this.choose(Math.min(Math.max(place, 0), last))
    this.spans[this.place]?.scrollIntoView({ block: 'nearest' })
  }

  choose(place) {
    if (!this.spans[place]) return
    const end = this.texts.slice(0, place + 1).join('').length
    this.app.select(end)
  }

  // The page's place in the text has changed.
  selected() {
    this.spans[this.place]?.setAttribute('aria-selected', 'false')
    this.place = null
    if (this.app.selected !== null) {
      let end = 0
      this.place = this.texts.findIndex((text) => (end += text.length) >= this.app.selected)
      if (this.place < 0) this.place = this.spans.length - 1
      const span = this.spans[this.place]
      span?.setAttribute('aria-selected', 'true')
      if (span) this.view.setAttribute('aria-activedescendant', span.id)
    } else this.view.removeAttribute('aria-activedescendant')
    this.panel.selected()
    this.drawn = null
  }

  setMode(mode) {
    for (const [name, panel] of Object.entries(this.panels)) panel.element.hidden = name !== mode
    this.about.textContent = ''
    this.spans.forEach((_, place) => this.paint(place, null))
    this.panel.begin()
  }

  say(text) {
    if (this.about.textContent !== text) this.about.textContent = text
  }

  work(milliseconds) {
    return this.panel.work(milliseconds)
  }
}
