// Small charts: what a gate does along the text, and bars by distance.

import { h, percent, svg } from './dom.mjs'

const WIDTH = 320
const HEIGHT = 64
const DISTANCES = 64

// A gate, one place a token: the share of its units that are open stands from below, of those that are shut from above,
// and the line between is the mean of all.
export function gateChart() {
  const open = svg('path', { class: 'open' })
  const shut = svg('path', { class: 'shut' })
  const line = svg('path', { class: 'line' })
  const cursor = svg('line', { class: 'cursor', y1: 0, y2: HEIGHT, visibility: 'hidden' })
  const picture = svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': 'The gate along the text' },
    open, shut, line, cursor)
  let count = 0
  const x = (i) => (((i + 0.5) * WIDTH) / Math.max(count, 1)).toFixed(1)
  const along = (values, y) => values.map((value, i) => `${i ? 'L' : 'M'}${x(i)} ${y(value).toFixed(1)}`).join('')
  const area = (values, y, edge) => values.length ? `M${x(0)} ${edge}${along(values, y).replace('M', 'L')}L${x(count - 1)} ${edge}Z` : ''
  return {
    element: h('figure', {}, picture, h('figcaption', {},
      h('span', { class: 'key open' }), 'share of the units open (> 0.9) ',
      h('span', { class: 'key shut' }), 'shut (< 0.1) ', h('span', { class: 'key line' }), 'mean')),
    // Rows { mean, shut, open }, each from 0 to 1.
    draw(rows) {
      count = rows.length
      open.setAttribute('d', area(rows.map((row) => row.open), (value) => HEIGHT * (1 - value), HEIGHT))
      shut.setAttribute('d', area(rows.map((row) => row.shut), (value) => HEIGHT * value, 0))
      line.setAttribute('d', along(rows.map((row) => row.mean), (value) => HEIGHT * (1 - value)))
    },
    mark(place) {
      cursor.setAttribute('visibility', place === null ? 'hidden' : 'visible')
      if (place !== null) for (const end of ['x1', 'x2']) cursor.setAttribute(end, x(place))
    },
  }
}

// Values from 0 to 1, the nearest left.
export function distanceChart(label) {
  const bars = svg('g')
  const picture = svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': label },
    bars, svg('line', { class: 'axis', x1: 0, x2: WIDTH, y1: HEIGHT * 0.95, y2: HEIGHT * 0.95 }))
  const ticks = [0, 16, 32, 48, 64].map((at) => h('span', {}, at === 64 ? '64 tokens back' : String(at)))
  let drawn = ''
  return {
    element: h('figure', {}, picture, h('div', { class: 'ticks', 'aria-hidden': 'true' }, ticks), h('figcaption', {}, label, '; the line is 5%')),
    draw(values) {
      const key = values.map((value) => value.toFixed(3)).join()
      if (key === drawn) return
      drawn = key
      picture.setAttribute('aria-label', `${label}: ${values.slice(0, 10).map(percent).join(', ')}`)
      bars.replaceChildren(...values.map((value, i) => svg('rect', {
        x: (i * WIDTH) / DISTANCES + 0.5, width: WIDTH / DISTANCES - 1, y: (HEIGHT * (1 - value)).toFixed(2), height: (HEIGHT * value).toFixed(2),
      })))
    },
  }
}
