import { OrreryError } from "#/base/index.ts";
import { gateway } from "#/model/index.ts";
import type { CliContext } from "../context.ts";
import { objectPath } from "../kubernetes.ts";
import type { Options } from "../options.ts";
import { count } from "../output.ts";
import { connectPatiently } from "../patient-client.ts";

/** `orrery gateway forget NAME`: says that a gateway is dead for good, so that nothing waits for it. */
export async function forgetGateway(context: CliContext, [action, name = ""]: readonly string[], options: Options): Promise<number> {
  if (action !== "forget") throw new OrreryError("cli/usage", `found ${JSON.stringify(action)}; allowed: orrery gateway forget NAME`);
  const api = await connectPatiently(context, options.data);
  try {
    const { items } = (await api.request({ path: objectPath(gateway) })).body as {
      readonly items: readonly {
        readonly metadata: { readonly name: string };
        readonly status?: { readonly conditions?: readonly { readonly type: string; readonly reason: string }[] };
      }[];
    };
    const found = items.find((one) => one.metadata.name === name);
    if (found === undefined)
      throw new OrreryError(
        "cli/missing",
        `there is no gateway called ${JSON.stringify(name)}; known: ${items.map((one) => one.metadata.name).join(", ") || "none"}`,
      );
    const reason = found.status?.conditions?.find((one) => one.type === "Ready")?.reason;
    if (reason !== "NotConnected")
      throw new OrreryError(
        "cli/connected",
        `gateway ${name} is connected (${reason ?? "Unknown"}): only one that is surely dead may be forgotten; stop it first`,
      );
    await api.request({ method: "DELETE", path: objectPath(gateway, name) });
    context.terminal.out(`gateway ${name} is forgotten: ${count(1, "gateway")} less is waited for`);
    return 0;
  } finally {
    await api.close();
  }
}
