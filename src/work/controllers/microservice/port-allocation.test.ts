import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { choosePort, PortBook, SERVICE_PORTS } from "./port-allocation.ts";

test("a service gets the same port each time, the next one if that is taken, none if all are", () => {
  const first = choosePort("site", "auth", () => false);
  assert.equal(
    choosePort("site", "auth", () => false),
    first,
  );
  assert.ok(first !== undefined);
  assert.notEqual(
    choosePort("site", "auth", (port) => port === first),
    first,
  );
  const all = new Set(Array.from({ length: SERVICE_PORTS.last - SERVICE_PORTS.first + 1 }, (_, index) => SERVICE_PORTS.first + index));
  assert.equal(
    choosePort("site", "auth", (port) => all.has(port)),
    undefined,
  );
});

test("two sites on one machine rarely choose the same ports", () => {
  assert.notEqual(
    choosePort("one", "auth", () => false),
    choosePort("two", "auth", () => false),
  );
});

test("a port is kept as long as its service is there, and given away when it is gone", () => {
  const book = new PortBook();
  const choose = (isTaken: (port: number) => boolean): number | undefined => [10, 11, 12].find((port) => !isTaken(port));
  book.note("a", [undefined, undefined]);
  assert.equal(book.give("a", undefined, choose), 10);
  assert.equal(book.give("a", undefined, choose), 10, "also before it is noted");
  assert.equal(book.give("b", undefined, choose), 11);
  book.note("a", [undefined, 10]);
  assert.equal(book.give("a", 10, choose), 10);
  assert.equal(book.give("c", undefined, choose), 12);
  book.note("a", undefined);
  assert.equal(book.give("d", undefined, choose), 10);
});

test("what a service wishes is given to no other", () => {
  const book = new PortBook();
  const choose = (isTaken: (port: number) => boolean): number | undefined => [10, 11].find((port) => !isTaken(port));
  book.note("a", [10, undefined]);
  assert.equal(book.give("b", undefined, choose), 11);
  book.note("a", [11, 10]);
  assert.equal(book.give("b", 11, choose), 11, "a wish that comes later takes nothing away");
});

test("of two services that have the same port after a restart, one gets another", () => {
  const book = new PortBook();
  const choose = (isTaken: (port: number) => boolean): number | undefined => [10, 11].find((port) => !isTaken(port));
  book.note("a", [undefined, 10]);
  book.note("b", [undefined, 10]);
  assert.equal(book.give("a", 10, choose), 11);
  book.note("a", [undefined, 11]);
  assert.equal(book.give("b", 10, choose), 10);
});

test("no two services that wish nothing ever have the same port once all have been looked at", () => {
  const actions = fc.array(fc.tuple(fc.constantFrom("a", "b", "c", "d"), fc.constantFrom("look", "write", "delete")), { maxLength: 60 });
  fc.assert(
    fc.property(actions, (list) => {
      const book = new PortBook();
      const written = new Map<string, number | undefined>();
      const choose = (isTaken: (port: number) => boolean): number | undefined => [1, 2, 3, 4].find((port) => !isTaken(port));
      const look = (service: string): number | undefined => book.give(service, written.get(service), choose);
      for (const [service, action] of list) {
        if (action === "delete") {
          written.delete(service);
          book.note(service, undefined);
        } else {
          const port = look(service);
          if (action === "write") {
            written.set(service, port);
            book.note(service, [undefined, port]);
          }
        }
      }
      const ports = [...written.keys()].map(look);
      assert.equal(new Set(ports).size, ports.length);
    }),
  );
});
