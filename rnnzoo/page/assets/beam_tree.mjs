// A beam search as a tree: a column a step, the best above, what was dropped in grey.

import { svg } from './dom.mjs'

const COLUMN = 116
const ROW = 22
const DROPPED = 3 // that are shown of each step

export function beamTree(history, bestNode, nameOf) {
  const places = new Map([[0, { x: 8, y: 0 }]])
  const parents = new Map()
  const drawn = []
  history.forEach(({ candidates }, step) => {
    const sorted = [...candidates].sort((a, b) => b.logProb - a.logProb)
    const shownHere = [...sorted.filter(({ kept }) => kept), ...sorted.filter(({ kept }) => !kept).slice(0, DROPPED)]
    shownHere.forEach((candidate, i) => {
      places.set(candidate.node, { x: 8 + (step + 1) * COLUMN, y: i })
      parents.set(candidate.node, candidate.from)
      drawn.push(candidate)
    })
  })
  const best = new Set()
  for (let node = bestNode; node !== undefined; node = parents.get(node)) best.add(node)
  const height = Math.max(...[...places.values()].map(({ y }) => y)) + 1
  const width = 8 + (history.length + 1) * COLUMN
  const y = (place) => 16 + place.y * ROW
  // where a label ends, or nearly: a letter takes about seven pixels, the number behind it thirty
  const widths = new Map(drawn.map(({ node, token }) => [node, Math.min(40 + 7 * Math.min(nameOf(token).length, 9), COLUMN - 14)]))
  const edges = drawn.filter(({ kept }) => kept).map(({ node, from }) => {
    const [a, b] = [places.get(from), places.get(node)]
    const [x, middle] = [a.x + (widths.get(from) ?? 36), b.x - 6]
    return svg('path', { class: best.has(node) ? 'best' : 'kept', d: `M${x} ${y(a) - 4}C${x + 12} ${y(a) - 4} ${middle - 12} ${y(b) - 4} ${middle} ${y(b) - 4}` })
  })
  const labels = drawn.map(({ node, token, logProb, kept }) => {
    const place = places.get(node)
    const name = nameOf(token)
    return svg('text', { x: place.x, y: y(place), class: best.has(node) ? 'best' : kept ? 'kept' : 'dropped' },
      svg('title', {}, `${name}: ${logProb.toFixed(2)}${kept ? '' : ', dropped'}`),
      name.length > 9 ? `${name.slice(0, 8)}…` : name, svg('tspan', { class: 'score', dx: 4 }, logProb.toFixed(1)))
  })
  return svg('svg', { class: 'tree', width, height: height * ROW + 8, viewBox: `0 0 ${width} ${height * ROW + 8}`, role: 'img',
    'aria-label': `Beam search over ${history.length} steps` },
    edges, svg('text', { x: 8, y: y(places.get(0)), class: 'best' }, 'start'), labels)
}
