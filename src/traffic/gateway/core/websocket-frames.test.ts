import assert from "node:assert/strict";
import { test } from "node:test";
import { WebSocketFrames } from "./websocket-frames.ts";

function frame(length: number, mask = false): Buffer {
  const size =
    length < 126
      ? [length]
      : length < 65_536
        ? [126, length >> 8, length & 255]
        : [127, 0, 0, 0, 0, 0, length >> 16, (length >> 8) & 255, length & 255];
  size[0] = (size[0] as number) | (mask ? 0x80 : 0);
  return Buffer.concat([Buffer.from([0x82, ...size]), Buffer.alloc(mask ? 4 : 0, 7), Buffer.alloc(length, 0xff)]);
}

test("the place between two frames is found, however they are cut, with short and long lengths and with masks", () => {
  const frames = [frame(0), frame(5), frame(125, true), frame(126), frame(300, true), frame(70_000), frame(0, true)];
  const ends = new Set(frames.map((_, index) => Buffer.concat(frames.slice(0, index + 1)).length));
  const all = Buffer.concat(frames);
  const byByte = new WebSocketFrames();
  assert.equal(byByte.isBetween, true);
  for (let index = 0; index < all.length; index++) {
    byByte.take(all.subarray(index, index + 1));
    if (byByte.isBetween !== ends.has(index + 1)) assert.fail(`after ${index + 1} bytes`);
  }
  for (const cut of [1, 2, 7, 130, 135, 400, all.length - 1]) {
    const one = new WebSocketFrames();
    one.take(all.subarray(0, cut));
    assert.equal(one.isBetween, ends.has(cut));
    const rest = one.finish(all.subarray(cut));
    assert.equal(cut + rest, ends.has(cut) ? cut : [...ends].find((end) => end > cut));
    assert.equal(one.isBetween, true);
  }
});

test("the rest of a frame may come in several pieces", () => {
  const one = new WebSocketFrames();
  const whole = frame(300);
  one.take(whole.subarray(0, 3));
  assert.equal(one.finish(whole.subarray(3, 104)), 101);
  assert.equal(one.isBetween, false);
  assert.equal(one.finish(Buffer.concat([whole.subarray(104), frame(9)])), 200);
  assert.equal(one.isBetween, true);
});
