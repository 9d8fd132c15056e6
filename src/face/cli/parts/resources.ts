import { resource } from "#/model/index.ts";
import type { CliPart } from "../context.ts";
import { listing } from "./objects.ts";

/** People, machines and things. */
export const resourcesCli: CliPart = {
  name: "resources",
  kinds: [resource],
  commands: [listing("resources", "List people, machines and things.")],
};
