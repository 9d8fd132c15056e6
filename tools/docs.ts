/** `npm run docs`: writes every document that is made from the code (`tools/docs-*.ts`). `npm run check` compares them. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";

for (const name of (await readdir(import.meta.dirname)).filter((one) => /^docs-.*(?<!\.test)\.ts$/.test(one)).sort())
  await import(join(import.meta.dirname, name));
