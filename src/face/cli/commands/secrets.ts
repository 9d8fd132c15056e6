import { OrreryError } from "#/base/index.ts";
import type { CliContext } from "../context.ts";
import { objectPath } from "../kubernetes.ts";
import type { Options } from "../options.ts";
import { printData } from "../output.ts";
import { connectPatiently } from "../patient-client.ts";
import { oneLine } from "../printable.ts";
import { formatTable } from "../table.ts";
import { parseObjects } from "./get.ts";

/** `orrery secrets`: the secret values of objects, for who has the action see-secrets. Each look is told to the audit. */
export async function secrets(context: CliContext, args: readonly string[], options: Options): Promise<number> {
  const wishes = parseObjects(context, args);
  if (wishes.some(({ name }) => name === undefined)) throw new OrreryError("cli/usage", "name whose secrets: orrery secrets microservice/auth");
  const api = await connectPatiently(context, options.data);
  try {
    for (const { kind, name = "" } of wishes) {
      const { body } = await api.request({ path: objectPath(kind, name, "secrets") });
      const { items } = body as { readonly items: readonly { readonly field: string; readonly value: string }[] };
      if (options.output === "json" || options.output === "yaml") printData(context.terminal, options.output, body);
      else if (items.length === 0) context.terminal.note(`${kind.singular} ${name} has no secrets`);
      else
        for (const line of formatTable(
          [{ title: "FIELD" }, { title: "VALUE" }],
          items.map(({ field, value }) => [field, oneLine(value)]),
        ))
          context.terminal.out(line);
    }
    return 0;
  } finally {
    await api.close();
  }
}
