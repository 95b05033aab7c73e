// Text to token ids and back, as rnnzoo.text does it: characters, bytes, words, pieces of words.
//
// `encode` leaves out what the vocabulary cannot say, and `missing` lists it. `reader` gives the text of one id after
// another as people write it, `writer` as it has to be typed for the same ids; `names` are the tokens in readable form.

const REPLACEMENT = '\ufffd'
const LONE = /\p{Surrogate}/gu // with the flag u a pair of them is one character

export function tokenizerOf(json) {
  return new { char: CharTokenizer, byte: ByteTokenizer, word: WordTokenizer, bpe: BPETokenizer }[json.kind](json)
}

class CharTokenizer {
  constructor({ characters, hasUnk, nfc }) {
    this.texts = hasUnk ? [REPLACEMENT, ...characters] : characters
    this.names = hasUnk ? ['<unk>', ...characters] : characters
    this.ids = new Map(characters.map((character, i) => [character, i + Number(hasUnk)]))
    this.hasUnk = hasUnk
    this.nfc = nfc
  }

  encode(text) {
    const ids = []
    for (const character of this.nfc ? text.normalize('NFC') : text) {
      const id = this.ids.get(character) ?? (this.hasUnk ? 0 : undefined)
      if (id !== undefined) ids.push(id)
    }
    return ids
  }

  missing(text) {
    return [...new Set(this.nfc ? text.normalize('NFC') : text)].filter((character) => !this.ids.has(character))
  }

  reader() {
    return { feed: (id) => this.texts[id] ?? REPLACEMENT, flush: () => '' }
  }

  writer() {
    return this.reader()
  }
}

class Bytes {
  constructor(bytes) {
    this.bytes = bytes // of each id
    this.names = bytes.map((some) => {
      try {
        return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(some)
      } catch {
        return [...some].map((byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`).join('')
      }
    })
  }

  missing(text) {
    return [...new Set(text.match(LONE) ?? [])]
  }

  // Holds back the bytes of a character that is not complete.
  reader() {
    let decoder = new TextDecoder('utf-8', { ignoreBOM: true })
    return {
      feed: (id) => decoder.decode(this.bytes[id] ?? new Uint8Array([0xff]), { stream: true }),
      flush: () => {
        const rest = decoder.decode()
        decoder = new TextDecoder('utf-8', { ignoreBOM: true })
        return rest
      },
    }
  }

  writer() {
    return this.reader()
  }
}

class ByteTokenizer extends Bytes {
  constructor() {
    super(Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte)))
  }

  encode(text) {
    return [...new TextEncoder().encode(text.replace(LONE, ''))]
  }
}

// GPT-2's pattern: words, numbers and punctuation, each with the one space before it.
const PIECES =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu

class BPETokenizer extends Bytes {
  constructor({ merges }) {
    const vocab = new Map(alphabet().map((character, byte) => [character, byte]))
    const ranks = new Map()
    merges.forEach((merge, rank) => {
      ranks.set(merge, rank)
      const joined = merge.replace(' ', '')
      if (!vocab.has(joined)) vocab.set(joined, vocab.size)
    })
    const byteOf = new Map(alphabet().map((character, byte) => [character, byte]))
    super([...vocab.keys()].map((token) => Uint8Array.from([...token], (character) => byteOf.get(character))))
    this.vocab = vocab
    this.ranks = ranks
    this.alphabet = alphabet()
  }

  encode(text) {
    const encoder = new TextEncoder()
    return (text.replace(LONE, '').match(PIECES) ?? []).flatMap((piece) =>
      this.merged([...encoder.encode(piece)].map((byte) => this.alphabet[byte])).map((token) => this.vocab.get(token)))
  }

  // The pair that was learnt first is merged first.
  merged(parts) {
    for (;;) {
      let [best, at] = [Infinity, -1]
      for (let i = 0; i + 1 < parts.length; i++) {
        const rank = this.ranks.get(`${parts[i]} ${parts[i + 1]}`) ?? Infinity
        if (rank < best) [best, at] = [rank, i]
      }
      if (at < 0) return parts
      parts.splice(at, 2, parts[at] + parts[at + 1])
    }
  }
}

// The printable character that stands for each byte in files of byte-level BPE.
function alphabet() {
  const printable = (byte) => (byte >= 0x21 && byte < 0x7f) || (byte >= 0xa1 && byte < 0xad) || byte >= 0xae
  let others = 0
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(printable(byte) ? byte : 256 + others++))
}

const WORD = '[\\p{Alphabetic}\\p{M}\\p{N}\\p{Pc}]'
const OTHER = '[^\\p{Alphabetic}\\p{M}\\p{N}\\p{Pc}\\p{White_Space}]'
const RAW = new RegExp(` ?${WORD}+(?:['\u2019]${WORD}+)*| ?${OTHER}|\\p{White_Space}`, 'gu')

class WordTokenizer {
  constructor({ words, style }) {
    this.names = words
    this.lines = style === 'lines'
    this.ids = new Map(words.map((word, id) => [word, id]))
    this.unknown = this.ids.get('<unk>')
    this.hasUnk = true
    this.texts = words.slice()
    if (this.lines) this.texts[this.ids.get('<eos>')] = '\n'
    else this.texts[this.unknown] = ` ${REPLACEMENT}`
  }

  split(text) {
    if (!this.lines) return text.replace(LONE, REPLACEMENT).match(RAW) ?? []
    return text.replaceAll('\n', ' <eos> ').split(/[ \t\r\f\v]+/).filter(Boolean)
  }

  encode(text) {
    return this.split(text).map((word) => this.ids.get(word) ?? this.unknown)
  }

  missing(text) {
    return [...new Set(this.split(text))].filter((word) => !this.ids.has(word))
  }

  reader() {
    return this.lines ? detokenizer(this.writer()) : this.writer()
  }

  writer() {
    let inside = false // a line
    return {
      feed: (id) => {
        const text = this.texts[id] ?? REPLACEMENT
        if (!this.lines) return text
        const before = inside
        inside = text !== '\n'
        return before && inside ? ` ${text}` : text
      },
      flush: () => {
        inside = false
        return ''
      },
    }
  }
}

const TO_THE_LEFT = new Set([...'.,;:!?%)]}', '...', "'s", "'re", "'ve", "'ll", "'d", "'m", "n't", "''", '-rrb-', "'"])
const TO_THE_RIGHT = new Set(['$', '#', '(', '[', '{', '``', '-lrb-'])
const WRITTEN = new Map(Object.entries(
  { '``': '“', "''": '”', '-lrb-': '(', '-rrb-': ')', '@-@': '-', '@,@': ',', '@.@': '.' }))
const BETWEEN = new Set(['@-@', '@,@', '@.@'])

// Takes the spaces out that the tokenisation of a corpus of words put in.
function detokenizer(words) {
  let joins = false // the last word takes no space behind it
  let quoted = false
  return {
    feed(id) {
      const piece = words.feed(id)
      const spaced = piece.startsWith(' ') && piece.length > 1
      const word = spaced ? piece.slice(1) : piece
      let left = TO_THE_LEFT.has(word) || BETWEEN.has(word)
      let right = TO_THE_RIGHT.has(word) || BETWEEN.has(word)
      if (word === '"') {
        left = quoted
        right = quoted = !quoted
      } else if (word === '\n') quoted = false
      const space = spaced && !(left || joins) ? ' ' : ''
      joins = right
      return space + (WRITTEN.get(word) ?? word)
    },
    flush() {
      joins = quoted = false
      return words.flush()
    },
  }
}

// One plain space between words, whatever stood there: how translators read their sources.
export function plainSpaces(sentence) {
  return sentence
    .replace(/[\u00ad\u200b\u2060\ufeff]/g, '')
    .split(/[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/)
    .filter(Boolean)
    .join(' ')
}
