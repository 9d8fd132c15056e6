import { isOver, type UpdateView } from "./site-updates.ts";
import type { WaitView } from "./wait-view.ts";

/** A wait, and who has it. */
export interface ToldWait {
  /** `auth-x (generation 6)`, `auth-x, auth-y`, `generation 5`, `the next update`. */
  readonly who: string;
  readonly wait: WaitView;
}

/** Everything that is waited for, each once. An Update waits for what its generation, or an older one that drains, waits for; the Site's waits are those of the Update that comes next. */
export function collectWaits({ waits, updates, generations }: Pick<UpdateView, "waits" | "updates" | "generations">): ToldWait[] {
  const told: { names: string[]; number?: number; wait: WaitView }[] = generations.flatMap(({ number, waits: own }) =>
    own.map((wait) => ({ names: [], number, wait })),
  );
  // Those that began first stand first. An ended Update keeps its reason as a wait, but nothing ends it any more.
  for (const one of updates.toReversed()) {
    if (isOver(one)) continue;
    for (const wait of one.status?.waits ?? []) {
      const same = told.filter((each) => each.wait.reason === wait.reason && each.wait.object === wait.object);
      // Figures in a message move on between two looks.
      const found = same.find((each) => each.wait.message === wait.message) ?? (one.status?.generation === undefined ? undefined : same[0]);
      if (found === undefined) told.push({ names: [one.metadata.name], wait });
      else found.names.push(one.metadata.name);
    }
  }
  for (const wait of waits)
    if (!told.some((each) => each.wait.reason === wait.reason && each.wait.object === wait.object)) told.push({ names: ["the next update"], wait });
  return told.map(({ names, number, wait }) => {
    const generation = number === undefined ? [] : [`generation ${number}`];
    return { who: names.length === 0 ? generation.join("") : [names.join(", "), ...generation.map((each) => `(${each})`)].join(" "), wait };
  });
}
