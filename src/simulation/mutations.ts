import { CHANGE_MUTATIONS } from "./change-mutations.ts";
import { GENERATION_MUTATIONS } from "./generation-mutations.ts";
import type { Mutation } from "./mutation.ts";

export type { Edit, Mutation } from "./mutation.ts";

/** Every guard that is taken away, in the order of docs/simulation.md. */
export const MUTATIONS: readonly Mutation[] = [...GENERATION_MUTATIONS, ...CHANGE_MUTATIONS];
