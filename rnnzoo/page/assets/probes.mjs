// What a unit may follow: properties of a text at each token, and how well units go along with them.

export const PROPERTIES = {
  line: { label: 'place in the line', of: (text) => walk(text, 0, (place, sign) => (sign === '\n' ? 0 : place + 1)) },
  quotes: {
    label: 'inside quotation marks',
    of: (text) => walk(text, 0, (depth, sign) => (sign === '"' ? 1 - depth : sign === '“' ? 1 : sign === '”' ? 0 : depth)),
  },
  upper: {
    label: 'upper case',
    of: (text) => walk(text, 0, (_, sign) => Number(sign !== sign.toLowerCase())),
  },
  brackets: {
    label: 'depth of brackets',
    of: (text) => walk(text, 0, (depth, sign) =>
      '([{'.includes(sign) ? depth + 1 : ')]}'.includes(sign) ? Math.max(depth - 1, 0) : depth),
  },
  word: { label: 'place in the word', of: (text) => walk(text, 0, (place, sign) => (/[\p{L}\p{N}']/u.test(sign) ? place + 1 : 0)) },
  pattern: { label: 'a regular expression of yours', of: (text, pattern) => inside(text, pattern) },
}

// One number a UTF-16 unit of the text.
function walk(text, begin, f) {
  let value = begin
  return Array.from({ length: text.length }, (_, i) => (value = f(value, text[i])))
}

function inside(text, pattern) {
  const found = new Array(text.length).fill(0)
  for (const match of text.matchAll(new RegExp(pattern, 'gu'))) {
    found.fill(1, match.index, match.index + match[0].length)
  }
  return found
}

// The property after each token, whose texts joined are the text that was read.
export function valuesAtTokens(property, texts, pattern) {
  const values = PROPERTIES[property].of(texts.join(''), pattern)
  let end = 0
  return texts.map((text) => {
    end += text.length
    return values[Math.max(end - 1, 0)] ?? 0
  })
}

// Pearson's correlation of each unit, rows (T, units), with values (T), the strongest first: [{ unit, r }]. None where
// the values are all the same.
export function ranked(rows, values, count = 8) {
  const steps = values.length
  const mean = values.reduce((a, b) => a + b, 0) / steps
  const deviation = values.map((value) => value - mean)
  const spread = Math.sqrt(deviation.reduce((sum, one) => sum + one * one, 0))
  if (!(spread > 1e-9)) return []
  const width = rows[0].length
  const found = []
  for (let unit = 0; unit < width; unit++) {
    let [sum, square, product] = [0, 0, 0]
    for (let t = 0; t < steps; t++) {
      const value = rows[t][unit]
      sum += value
      square += value * value
      product += value * deviation[t]
    }
    const own = Math.sqrt(Math.max(square - (sum * sum) / steps, 0))
    if (own > 1e-9) found.push({ unit, r: product / (own * spread) })
  }
  return found.sort((a, b) => Math.abs(b.r) - Math.abs(a.r)).slice(0, count)
}

// How open a gate is: its mean over all units and steps, and how often it is nearly shut or nearly open.
export function openness(rows) {
  let [sum, shut, open, count] = [0, 0, 0, 0]
  for (const row of rows) {
    for (const value of row) {
      sum += value
      shut += value < 0.1
      open += value > 0.9
    }
    count += row.length
  }
  return { mean: sum / count, shut: shut / count, open: open / count }
}

export function constant(values) {
  return values.every((value) => value === values[0])
}
