import { describe } from "node:test";
import { admissionTests } from "./admission.ts";
import { deletionTests } from "./deletion.ts";
import { eventTests } from "./events.ts";
import type { OpenStore } from "./harness.ts";
import { objectTests } from "./objects.ts";
import { patchTests } from "./patches.ts";
import { selectionTests } from "./selection.ts";

export type { OpenStore, StoreHarness, StoreNeeds } from "./harness.ts";

/** Registers the tests of the store's contract for one engine. `admits` false: one that does not send `admit`, as its server asks. */
export function storeConformance(name: string, open: OpenStore, { admits = true }: { readonly admits?: boolean } = {}): void {
  describe(`${name} keeps the store's contract`, () => {
    objectTests(open);
    selectionTests(open);
    patchTests(open);
    deletionTests(open);
    eventTests(open);
    if (admits) admissionTests(open);
  });
}
