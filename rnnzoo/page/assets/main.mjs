// Where the page begins: unpacks its models and puts up the views for their kind.

import { h } from './dom.mjs'
import { modelOf } from './models.mjs'
import { unpack } from './payload.mjs'
import { languageView } from './view_language.mjs'
import { translationView } from './view_translation.mjs'

async function begin() {
  const page = document.getElementById('page')
  const models = []
  for (const element of document.querySelectorAll('script[data-model]')) {
    models.push(modelOf(await unpack(element.textContent)))
    element.remove() // megabytes of text
  }
  globalThis.rnnzoo = { models } // for a console, and for tests
  const header = h('header', {}, h('h1', {}, title(models)), models.map((model) => about(model, models.length > 1)))
  const view = models[0].json.kind === 'translator' ? translationView(models) : languageView(models)
  page.replaceChildren(header, ...view.sections, footer())
  view.start()
  globalThis.rnnzoo.ready = performance.now() // milliseconds since the page was asked for
  document.documentElement.dataset.ready = 'true'
}

function title(models) {
  if (models.length === 1) return models[0].name
  return models[0].json.kind === 'translator' ? `${models.length} translators, one sentence` : `${models.length} networks, one text`
}

function about(model, several) {
  const { cell, parameters, score, score_name: unit, corpus } = model.facts
  const parts = [
    several && model.name,
    cell && `cell: ${cell}`,
    `${parameters.toLocaleString('en')} parameters`,
    corpus && `trained on ${corpus}`,
    score !== undefined && `${score} ${unit}`,
  ]
  return h('p', { class: 'about' }, parts.filter(Boolean).join(', '))
}

function footer() {
  return h('footer', {}, h('p', {},
    'The whole model is in this file and runs in this tab: nothing is sent or fetched. Made by rnnzoo.'))
}

begin().catch((error) => {
  document.getElementById('page').replaceChildren(h('p', { role: 'alert', class: 'failure' }, `This page cannot run its model here: ${error.message}`))
  document.documentElement.dataset.ready = 'failed'
  throw error
})
