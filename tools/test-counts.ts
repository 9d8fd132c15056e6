import type { TestEvent } from "node:test/reporters";
import { ownProcessorMs } from "./processor-time.ts";
import type { RunResult } from "./test-run.ts";

/** A reporter for programs: the result of one run of the test runner as one line of JSON. */
export default async function* countTests(events: AsyncIterable<TestEvent>): AsyncGenerator<string, void, undefined> {
  const emptyFiles: string[] = [];
  for await (const event of events) {
    // The runner takes a file without tests for one passed test with the file's name.
    if (event.type === "test:pass" && event.data.name === event.data.file) emptyFiles.push(event.data.name);
    // A summary with a file is that file's own.
    if (event.type !== "test:summary" || event.data.file !== undefined) continue;
    const { passed, skipped, todo, tests } = event.data.counts;
    const result: RunResult = {
      counts: { passed: passed - emptyFiles.length, failed: tests - passed - skipped - todo, skipped: skipped + todo },
      emptyFiles,
      processorMs: ownProcessorMs(),
    };
    yield `${JSON.stringify(result)}\n`;
  }
}
