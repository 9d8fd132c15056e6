import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { User } from "#/model/index.ts";
import { isSamePerson, personOf } from "./four-eyes.ts";
import { machineIdentity } from "./machine.ts";

const named = (name: string, uid: string, spec: object = {}): User =>
  ({ metadata: { name, uid }, spec: { groups: [], roles: [], disabled: false, identities: [], ...spec } }) as unknown as User;

describe("who is one person where two are needed", () => {
  const admin = { name: "admin", groups: ["orrery:admins"] };
  const users = new Map(
    [
      named("anna", "1"),
      named("anna2", "2", { person: "anna" }),
      named("ben", "3", { identities: [{ issuer: "https://a", subject: "b" }] }),
      named("ben2", "4", { identities: [{ issuer: "https://a", subject: "b" }] }),
    ].map((one) => [one.metadata.name, one]),
  );
  const user = (name: string, via: "token" | "session") => personOf({ name, uid: users.get(name)?.metadata.uid ?? "", groups: [], via });
  /** Each way in which one and the same person can come. */
  const people: Readonly<Record<string, ReturnType<typeof personOf>[]>> = {
    machine: [
      personOf(machineIdentity({ name: "admin", groups: admin.groups })),
      personOf({ ...admin, via: "session", credential: "c" }),
      personOf({ ...admin, via: "token", credential: "d" }),
    ],
    anna: [user("anna", "token"), user("anna", "session"), user("anna2", "token"), user("anna2", "session")],
    ben: [user("ben", "token"), user("ben", "session"), user("ben2", "token"), user("ben2", "session")],
  };
  for (const [name, ways] of Object.entries(people))
    for (const [other, otherWays] of Object.entries(people))
      it(`${name} and ${other}, whichever way they come`, () => {
        for (const one of ways)
          for (const two of otherWays)
            assert.equal(
              isSamePerson(one, two, (given) => users.get(given)),
              name === other,
              JSON.stringify([one, two]),
            );
      });
});
