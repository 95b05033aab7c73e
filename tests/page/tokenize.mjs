// node tokenize.mjs CASES: ids, and the text that a reader gives of them, for each tokenizer and each text.

import fs from 'node:fs'
import { plainSpaces, tokenizerOf } from '../../rnnzoo/page/assets/text.mjs'

const { tokenizers, texts } = JSON.parse(fs.readFileSync(process.argv[2]))
console.log(JSON.stringify({
  plain: texts.map(plainSpaces),
  found: tokenizers.map((json) => {
    const tokenizer = tokenizerOf(json)
    return texts.map((text) => {
      const ids = tokenizer.encode(text)
      const reader = tokenizer.reader()
      return [ids, ids.map((id) => reader.feed(id)).join('') + reader.flush()]
    })
  }),
}))
