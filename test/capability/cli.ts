import type { CliPart } from "#/face/cli/index.ts";
import { note } from "./kind.ts";

export const notesCli: CliPart = {
  name: "notes",
  kinds: [note],
  commands: [
    {
      group: "See:",
      usage: "note",
      description: "Count the notes.",
      async run(context, _args, options) {
        const api = await context.connect(options.data);
        try {
          const { notes } = (await api.request({ path: "/notes/count" })).body as { readonly notes: number };
          context.terminal.out(`${notes} notes`);
          return 0;
        } finally {
          await api.close();
        }
      },
    },
  ],
};
