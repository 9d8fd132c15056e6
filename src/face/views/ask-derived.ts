import type { Clock } from "#/base/index.ts";
import type { StoredObject } from "#/model/index.ts";
import type { BoardEntry } from "#/state/link/hub/index.ts";
import type { Asked } from "./asked.ts";
import { DerivedAnswer, type DerivedRow } from "./derived-answer.ts";
import type { SeenObjects } from "./followed.ts";
import type { Rights, Visible } from "./rights.ts";
import type { Sources } from "./sources.ts";

/** What a derived view is computed from: what the reader may see of it. */
export interface SeenData {
  /** Objects of a kind; none of one that this site does without. */
  list<T extends StoredObject>(resource: string): readonly T[];
  find(resource: string, key: string): StoredObject | undefined;
  /** True: some of the kind may be hidden. */
  isLimited(resource: string): boolean;
  topic(topic: string): Iterable<readonly [key: string, entry: BoardEntry]>;
  readonly nowMs: number;
}

export interface DerivedView {
  /** Of these, kinds without which it would tell what is not true: who may not list them is refused. */
  readonly needs?: readonly string[];
  readonly resources: readonly string[];
  readonly topics: readonly string[];
  readonly compute: (data: SeenData) => readonly DerivedRow[];
  /** Which of the rows are told; absent: all. */
  readonly window?: { readonly offset: number; readonly limit: number };
}

/** A view that is computed from several kinds and topics. Other kinds that the reader may not list are empty for it.
 *  @throws api/forbidden: one that it needs may not be listed */
export function askDerived({ needs = [], resources, topics, compute, window }: DerivedView, rights: Rights, sources: Sources, clock: Clock): Asked {
  for (const one of needs) rights.checkList(sources.kind(one), undefined);
  const viewed = resources.flatMap((resource) => sources.find(resource) ?? []);
  const visible = new Map<string, Visible>(viewed.map((one) => [one.resource, rights.visible(one)]));
  const open = topics.filter((topic) => sources.hasTopics && rights.may({ verb: "get", path: `/live/${topic}` }));
  return {
    rights: `${rights.nameOf(viewed)} ${open.join(" ")}`,
    objects: viewed.map((one) => one.resource),
    topics: open,
    answer(given) {
      const objects = new Map<string, SeenObjects>(
        viewed.map(({ resource }) => {
          const all = given.objects(resource);
          const isShown = visible.get(resource);
          return [resource, isShown === undefined ? all : all.within(isShown)];
        }),
      );
      const followed = new Map(open.map((topic) => [topic, given.topic(topic)]));
      const data = (): SeenData => ({
        list<T extends StoredObject>(resource: string): readonly T[] {
          return [...(objects.get(resource)?.source.entries() ?? [])].map(([, object]) => object as T);
        },
        find: (resource, key) => objects.get(resource)?.source.get(key),
        isLimited: (resource) => visible.get(resource) !== undefined,
        topic: (topic) => followed.get(topic)?.source.entries() ?? [],
        nowMs: clock.now(),
      });
      return new DerivedAnswer({
        followed: [...objects.values(), ...followed.values()],
        compute: () => compute(data()),
        clock,
        ...(window !== undefined && { window }),
      });
    },
  };
}
