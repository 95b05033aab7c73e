"""Malformed inputs by the thousand, made from seeds, and what `rnnzoo` says to each: one line, or it works.

`make fuzz N=20000 SEED=1` runs so many and prints a table by kind; `make fuzz CASE=recipes:17` runs one again and shows
all of it. `make test` runs some hundreds (`test_fuzz.py`).

    case.py     what a case is; kinds register themselves
    blobs.py    bytes that are no text, files that are no files, values that no field takes
    kinds/      one module a kind: corpora, pairs, vectors, recipes, settings, options, folders, runs, shards, places
    stock.py    the little models, runs, texts and vectors that cases begin with
    judge.py    runs a case in this process and judges it
    worker.py   the process that has imported everything and forks those that run cases
    driver.py   feeds the workers, and ends those that hang or take too much memory
    table.py    counts, and failures grouped by what they have in common
"""
