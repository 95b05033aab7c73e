// Elements, written as they nest. Text is only ever set as text.

export function h(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children)
}

export function svg(tag, properties = {}, ...children) {
  return fill(document.createElementNS('http://www.w3.org/2000/svg', tag), properties, children)
}

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value)
    else if (name.startsWith('--')) element.style.setProperty(name, value)
    else element.setAttribute(name, value === true ? '' : value)
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false))
  return element
}

const MARKS = new Map([['\n', '↵'], ['\t', '⇥'], [' ', '␣'], ['\u00a0', '⍽']])

// A token for a label: white space is seen, and what turns the direction of text or shows nothing has its number.
export function shown(text) {
  const inner = text.replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}\u2028\u2029]/gu, (sign) =>
    MARKS.get(sign) ?? `U+${sign.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')}`)
  if (inner.trim() === '') return [...inner].map((sign) => MARKS.get(sign) ?? sign).join('') || '∅'
  return inner.replace(/^ /, '')
}

const NAMES = new Map([['\n', 'line break'], [' ', 'space'], ['\t', 'tab'], ['', 'nothing']])

export function spoken(text) {
  return NAMES.get(text) ?? shown(text)
}

export function percent(share) {
  return share >= 0.9995 ? '100%' : share >= 0.0995 ? `${(100 * share).toFixed(0)}%` : `${(100 * share).toFixed(1)}%`
}
