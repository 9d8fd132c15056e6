import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parsePromql } from "../../../../src/watch/series/promql/index.ts";
import { domainBoard, hostBoard, ownBoard, serviceBoard, siteBoard } from "./boards.ts";

const t = (key: string): string => key;

describe("boards", () => {
  it("ask for what the store of series can read, whatever things are called", () => {
    for (const name of ["portal", 'a"b\\c', "网关", "{{x}}"])
      for (const { lines, title } of [...siteBoard(t), ...hostBoard(t, name), ...serviceBoard(t, name), ...domainBoard(t, [name, "b.c"])])
        for (const { promql } of lines)
          assert.doesNotThrow(() => parsePromql(promql.replaceAll("$range", "60000ms"), { startMs: 0, endMs: 1, stepMs: 1 }), `${title}: ${promql}`);
  });

  it("of one's own have what was chosen put in, and nothing else", () => {
    const plots = [
      {
        title: "Load of $host",
        unit: "number" as const,
        lines: [{ promql: 'rate(host_load{host=~"$host",a="$other"}[$range])', legend: "{{over}}" }],
      },
    ];
    const [plot] = ownBoard(plots, { host: 'a"b' }, "any");
    assert.equal(plot?.title, 'Load of a"b');
    assert.deepEqual(plot?.lines, [{ promql: 'rate(host_load{host=~"a\\"b",a="$other"}[$range])', legend: "{{over}}" }]);
    const [open] = ownBoard(plots, { host: "" }, "any");
    assert.deepEqual([open?.title, open?.lines[0]?.promql], ["Load of any", 'rate(host_load{host=~".+",a="$other"}[$range])']);
  });
});
