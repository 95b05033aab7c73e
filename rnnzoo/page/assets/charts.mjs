// Small charts: a line over the text, and bars by distance. Their numbers are in a table for those who do not see them.

import { h, percent, svg } from './dom.mjs'

const WIDTH = 320
const HEIGHT = 64

// Values from 0 to 1, one a token.
export function lineChart(label) {
  const path = svg('path', { class: 'line' })
  const cursor = svg('line', { class: 'cursor', y1: 0, y2: HEIGHT, visibility: 'hidden' })
  const picture = svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': label },
    svg('line', { class: 'axis', x1: 0, x2: WIDTH, y1: HEIGHT / 2, y2: HEIGHT / 2 }), path, cursor)
  let count = 0
  return {
    element: h('figure', {}, picture, h('figcaption', {}, label, ': 0 below, 1 above')),
    draw(values) {
      count = values.length
      const x = (i) => ((i + 0.5) * WIDTH) / Math.max(count, 1)
      path.setAttribute('d', values.map((value, i) => `${i ? 'L' : 'M'}${x(i).toFixed(1)} ${(HEIGHT * (1 - value)).toFixed(1)}`).join(''))
    },
    mark(place) {
      cursor.setAttribute('visibility', place === null ? 'hidden' : 'visible')
      if (place === null) return
      for (const end of ['x1', 'x2']) cursor.setAttribute(end, ((place + 0.5) * WIDTH) / Math.max(count, 1))
    },
  }
}

// Values from 0 to 1, the nearest left.
export function distanceChart(label) {
  const bars = svg('g')
  const picture = svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': label },
    svg('line', { class: 'axis', x1: 0, x2: WIDTH, y1: HEIGHT * 0.95, y2: HEIGHT * 0.95 }), bars)
  let drawn = ''
  return {
    element: h('figure', {}, picture, h('figcaption', {}, label, ': the last token left, up to 64 tokens back; the line is 5%')),
    draw(values) {
      const key = values.map((value) => value.toFixed(3)).join()
      if (key === drawn) return
      drawn = key
      picture.setAttribute('aria-label', `${label}: ${values.slice(0, 10).map(percent).join(', ')}`)
      bars.replaceChildren(...values.map((value, i) => svg('rect', {
        x: (i * WIDTH) / 64 + 0.5, width: WIDTH / 64 - 1, y: (HEIGHT * (1 - value)).toFixed(2), height: (HEIGHT * value).toFixed(2),
      })))
    },
  }
}
