import { role, user } from "#/model/index.ts";
import type { CliPart } from "../context.ts";

/** Who may do what. */
export const peopleCli: CliPart = {
  name: "people",
  kinds: [role, user],
  commands: [],
};
