import type { PartPath } from "#/state/reconcile/index.ts";

const BASE_MS = Date.parse("2026-11-30T12:00:00Z");

/** Records as a search of all hosts gives them; `search` narrows them by its words, `level` by itself. */
export function searchedLines(): PartPath {
  const said = [
    [
      "archive-2026.11-0",
      "archive",
      "error",
      "java.lang.IllegalStateException: no room on volume data\n\tat com.example.Archive.write(Archive.java:12)\n\tat com.example.Archive.run(Archive.java:40)",
    ],
    ["archive-2026.11-1", "archive", "warn", "2026-11-30 11:59:58.120 [writer-3] WARN  com.example.Archive - volume data is 97 % full"],
    ["auth-v1-0", "auth", "info", '{"level":"info","message":"session opened","traceId":"0af7651916cd43dd8448eb211c80319c"}'],
    ["auth-v1-0", "auth", undefined, "<script>alert(1)</script> \u202e is text"],
    ["predictor-v2-0", "predictor", "debug", 'ts=2026-11-30T11:58:00Z level=debug msg="pass computed" n=31'],
  ] as const;
  return {
    path: "/logs/search",
    method: "GET",
    isStream: true,
    serve: async ({ query }) => {
      const words = (query.get("search") ?? "").toLowerCase().split(" ");
      const found = said.filter(
        ([, , level, text]) =>
          words.every((one) => text.toLowerCase().includes(one)) && (query.get("level") === null || query.get("level") === level),
      );
      return (async function* () {
        for (const [index, [instance, service, level, text]] of found.entries())
          yield {
            time: new Date(BASE_MS - index * 61_700).toISOString(),
            host: index % 2 === 0 ? "control-1" : "control-2",
            ...{ service, instance, ...(level !== undefined && { level }), text },
            ...(text.includes("traceId") && { trace: "0af7651916cd43dd8448eb211c80319c" }),
          };
        yield {
          end: {
            ...{ hits: found.length, isComplete: false, from: new Date(BASE_MS - 3_600_000).toISOString(), bytes: 1, damaged: 0 },
            hosts: [
              { host: "control-1", state: "complete" },
              { host: "control-2", state: "complete" },
              { host: "antenna-1", state: "away", message: "its agent is not connected" },
            ],
            dropped: [],
          },
        };
      })();
    },
  };
}
