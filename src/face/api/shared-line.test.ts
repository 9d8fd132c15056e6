import assert from "node:assert/strict";
import { test } from "node:test";
import { endOfTurn, SharedLine, TurnLines } from "./shared-line.ts";

test("a line is a chunk of HTTP/1.1, and the same bytes without its frame", () => {
  const line = new SharedLine("größe\n");
  assert.equal(line.bytes.toString(), "größe\n");
  assert.equal(line.chunk.toString(), "8\r\ngröße\n\r\n");
  assert.equal(line.chunk, line.chunk);
  assert.equal(line.bytes.buffer, line.chunk.buffer);
});

test("who asks for the line of the same event in the same turn gets the same one, and nobody later", async () => {
  const lines = new TurnLines();
  const [event, other] = [{}, {}];
  let made = 0;
  const make = (): string => `line ${++made}\n`;
  const first = lines.of(event, make);
  assert.equal(lines.of(event, make), first);
  assert.equal(lines.of(other, make).text, "line 2\n");
  await endOfTurn();
  await endOfTurn();
  assert.equal(lines.of(event, make).text, "line 3\n");
});
