import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { renderedPaths } from "./run.ts";

describe("a rendered file", () => {
  it("is where the artifact has it", () => {
    for (const [from, to, expected] of [
      ["nginx.conf", ".", "nginx.conf"],
      ["conf/nginx.conf", ".", "nginx.conf"],
      ["/etc/x/nginx.conf", "conf/", "conf/nginx.conf"],
      ["nginx.conf", "./conf//n.conf", "conf/n.conf"],
      ["a", "./", "a"],
      ["a", "x/../y/b", "y/b"],
      ["a", "x/..", "a"],
    ] as const)
      assert.deepEqual(renderedPaths([{ from, to, render: true }]), [expected]);
    assert.deepEqual(renderedPaths([{ from: "a", to: "." }]), []);
  });
});
