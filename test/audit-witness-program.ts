/** A witness of audits with a data folder of its own (argument 1): heads come as lines of JSON, an answer to each goes out as one. */
import { createInterface } from "node:readline";
import { witnessPart } from "#/people/audit/index.ts";

const [, , folder = ""] = process.argv;
const worker = await witnessPart(() => folder).start({} as never);
const see = worker.handlers?.calls?.["audit/head"];
for await (const line of createInterface({ input: process.stdin }))
  console.log(JSON.stringify(await see?.(JSON.parse(line), new AbortController().signal)));
