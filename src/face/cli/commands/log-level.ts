import { OrreryError } from "#/base/index.ts";
import type { CliContext } from "../context.ts";
import type { Options } from "../options.ts";
import { connectPatiently } from "../patient-client.ts";
import { asCalled } from "../terminal.ts";

interface Outcome {
  readonly instance: string;
  readonly host: string;
  readonly outcome: "done" | "refused";
  readonly until?: string;
  readonly message?: string;
}

/** `orrery log-level SERVICE LEVEL`: changes how much a service logs, for a time; `back` puts it back at once. The exit status is 1 where an instance did not take it. */
export async function logLevel(context: CliContext, args: readonly string[], options: Options): Promise<number> {
  const { terminal } = context;
  const [service = "", level = ""] = args;
  if (level === "back" && options.given.includes("for")) throw new OrreryError("cli/usage", "back is at once: leave out --for");
  const api = await connectPatiently(context, options.data);
  try {
    const { for: time, instance } = options;
    const reason = options.message ?? options.reason;
    const { body } = await api.request({
      method: "POST",
      path: "/logs/level",
      body: {
        service,
        level,
        ...(time !== undefined && level !== "back" && { for: time }),
        ...(instance !== undefined && { instance }),
        ...(reason !== undefined && { reason }),
      },
    });
    const { items } = body as { readonly items: readonly Outcome[] };
    if (options.output === "json") terminal.out(JSON.stringify(items, undefined, 2));
    else
      for (const one of items) {
        if (one.outcome === "refused") terminal.note(asCalled(terminal, `${one.instance}: ${one.message ?? "refused"}`));
        else terminal.out(one.until === undefined ? `${one.instance} logs as before` : `${one.instance} logs at ${level} until ${one.until}`);
      }
    return items.some(({ outcome }) => outcome === "refused") ? 1 : 0;
  } finally {
    await api.close();
  }
}
