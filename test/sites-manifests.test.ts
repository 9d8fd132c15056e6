import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { loadManifests } from "#/face/cli/site.ts";
import { checkManifest } from "#/model/all-kinds.ts";
import type { FileMapping, Microservice, Resource, Route } from "#/model/index.ts";

const SITES = fileURLToPath(new URL("../sites/", import.meta.url));

for (const name of ["ground-station", "mesh"]) {
  const site = path.join(SITES, name);
  const objects = loadManifests(site, () => "").manifests.map(({ object }) => object as Microservice);
  const versions = loadManifests(path.join(site, "versions"), () => "").manifests.map(({ object }) => object as Microservice);
  const services = objects.filter(({ kind }) => kind === "Microservice");

  test(`every manifest of ${name} is what the model allows`, () => {
    assert.ok(objects.length > 5 && versions.length > 0);
    for (const object of [...objects, ...versions]) {
      const { title, violations } = checkManifest(object);
      assert.deepEqual(violations, [], title);
    }
  });

  test(`the files, services and ids that ${name} names exist, and ids are unique`, () => {
    const known = new Set(services.map(({ metadata }) => metadata.name));
    const files = (mappings: readonly FileMapping[] = []): void => {
      for (const { from } of mappings) assert.ok(existsSync(path.resolve(site, from)), from);
    };
    for (const { spec } of [...services, ...versions]) {
      files(spec.template.files);
      for (const called of spec.template.calls ?? []) assert.ok(known.has(called), called);
    }
    const resources = objects.filter(({ kind }) => kind === "Resource") as unknown as Resource[];
    for (const { spec } of resources) files(spec.files);
    assert.equal(new Set(resources.map(({ spec }) => spec.id)).size, resources.length);
    for (const { spec } of objects.filter(({ kind }) => kind === "Route") as unknown as Route[]) assert.ok(known.has(spec.service), spec.service);
  });

  test(`each other version of ${name} is of a service that the site has, with another version and nothing else changed outside the template`, () => {
    for (const version of versions) {
      const first = services.find(({ metadata }) => metadata.name === version.metadata.name);
      assert.ok(first !== undefined, version.metadata.name);
      assert.notEqual(version.spec.template.version, first.spec.template.version);
      assert.deepEqual({ ...version.spec, template: undefined }, { ...first.spec, template: undefined });
    }
  });
}
