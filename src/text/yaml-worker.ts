import { parentPort } from "node:worker_threads";
import { parseYaml } from "./yaml.ts";
import type { YamlAnswer } from "./yaml-reader.ts";

parentPort?.on("message", (text: string) => parentPort?.postMessage(answerOf(text)));

/** The one document of `text`. As JSON text it crosses to the other thread at the speed of a copy; as a value it would cost more there than the reading. */
function answerOf(text: string): YamlAnswer {
  const { documents } = parseYaml(text);
  const filled = documents.filter(({ value, faults }) => value !== undefined || faults.length > 0);
  if (filled.length > 1) return { fault: `it holds ${filled.length} documents; allowed: one` };
  const [document] = filled;
  if (document === undefined) return { json: "null", duplicates: [] };
  const [fault] = document.faults;
  if (fault !== undefined) return { fault: `line ${fault.line}, column ${fault.column}: ${fault.message}` };
  return { json: JSON.stringify(document.value), duplicates: document.duplicates.map(({ path }) => path) };
}
