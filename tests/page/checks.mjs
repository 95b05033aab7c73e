// Put into an opened page by test_page_browser.py: what a page's models say, as plain numbers.

globalThis.checks = {
  // Logits after each token of each row, those at `ids`, and the log-sum-exp of all, as golden.safetensors has them.
  language(rows, width) {
    const [model] = globalThis.rnnzoo.models
    return rows.map((tokens) => {
      let state = model.initialState()
      return tokens.map((token) => {
        const made = model.step([token], state)
        state = made.state
        return this.stored(made.logits.data, width)
      })
    })
  },

  translator(sources, targets, width) {
    const [model] = globalThis.rnnzoo.models
    return sources.map((ids, row) => {
      const source = model.encodeIds(ids)
      let { state } = source
      return targets[row].map((token) => {
        const made = model.step([token], state, source.memory)
        state = made.state
        return this.stored(made.logits.data, width)
      })
    })
  },

  stored(logits, width) {
    const top = logits.reduce((a, b) => Math.max(a, b))
    const sum = logits.reduce((total, one) => total + Math.exp(one - top), 0)
    const some = Array.from({ length: width }, (_, i) => logits[Math.floor((i * logits.length) / width)])
    return [...some, top + Math.log(sum)]
  },

  greedy(count) {
    return globalThis.rnnzoo.models[0].generate('', count, { temperature: 0 })
  },

  translations(sentences) {
    return sentences.map((sentence) => globalThis.rnnzoo.models[0].translate(sentence))
  },

  // What a translator looked at, in the terms of `trace`.
  look(text) {
    const [model] = globalThis.rnnzoo.models
    const source = model.encode(text)
    let best
    for (const { hypotheses } of model.search(source)) best = hypotheses[0]
    const steps = model.look(source, best.tokens)
    return {
      written: model.written(best.tokens), attention: steps.map(({ weights }) => weights),
      surprisal: steps.map(({ p }) => -Math.log2(p)),
    }
  },

  // Milliseconds of each of `count` short runs: 50 characters, or a sentence.
  speed(count, sentences) {
    const [model] = globalThis.rnnzoo.models
    return Array.from({ length: count }, (_, i) => {
      const begun = performance.now()
      if (sentences) model.translate(sentences[i % sentences.length])
      else model.generate('', 50, { temperature: 0 })
      return performance.now() - begun
    })
  },
}
