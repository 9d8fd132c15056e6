import { OrreryError, port } from "#/base/index.ts";
import { type CentrePart, Controller, declareController, objectKey, partKind, workerOf } from "#/state/reconcile/index.ts";
import { note } from "./kind.ts";

/** The notes as they are now. */
const NOTES = port<{ readonly count: () => number }>("notes");

const noteController = declareController({
  name: "note-controller",
  reads: { notes: note },
  writes: [note],
  gives: [NOTES],
  start({ store, caches, clock, random, log, give }) {
    const controller = new Controller({
      name: "note-controller",
      clock,
      random,
      log,
      async reconcile(key) {
        const one = caches.notes.get(key);
        const words = one?.spec.text.split(/\s+/).length;
        if (one !== undefined && one.status?.words !== words)
          await store.update(note, { metadata: one.metadata, spec: one.spec, status: { words } }, { subresource: "status" });
        return undefined;
      },
    });
    caches.notes.listen((_, after) => {
      if (after !== undefined) controller.enqueue(objectKey(after));
    });
    give(NOTES, { count: () => caches.notes.size });
    return workerOf(controller, {
      metrics: () => [{ name: "orrery_notes", help: "Notes", type: "gauge", samples: [{ value: caches.notes.size }] }],
    });
  },
});

const noteDesk = declareController({
  name: "note-desk",
  reads: {},
  writes: [],
  uses: [NOTES],
  start: ({ board, use }) => ({
    paths: [
      { path: "/notes/count", method: "GET", serve: async () => ({ notes: use(NOTES).count() }) },
      {
        path: "/notes/greeting",
        method: "POST",
        async serve({ body }) {
          const { name } = (body ?? {}) as { readonly name?: unknown };
          if (typeof name !== "string") throw new OrreryError("api/bad-request", "name: give a text");
          board.put("greetings", name, { hello: name }, "note-desk");
          return { hello: name };
        },
      },
    ],
  }),
});

export const notesPart: CentrePart = {
  name: "notes",
  description: "What operators leave for each other.",
  kinds: [partKind(note)],
  controllers: [noteDesk, noteController],
  topics: ["greetings"],
};
