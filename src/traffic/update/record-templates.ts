import { createHash } from "node:crypto";
import { isOrreryError, OrreryError } from "#/base/index.ts";
import { type Microservice, microservice, type Revision, type Update } from "#/model/index.ts";
import type { Reflector } from "#/state/reconcile/index.ts";
import type { Store } from "#/state/store/index.ts";

/** On a Microservice: the Revision whose template was written back, so that exactly it is served again, not one made anew of files that have changed meanwhile. */
export const REVISION_ANNOTATION = "orrery.dev/revision";

export interface TemplateOptions {
  readonly store: Store;
  readonly microservices: Reflector<typeof microservice>;
  /** Revisions of a service, newest first. */
  readonly revisionsOf: (namespace: string, service: string) => readonly Revision[];
  /** Makes the Revision of a version that the site's folder offers although it was never served; `undefined` if it offers none.
   *  @throws artifacts/...: a file of it is missing */
  readonly makeOffered: (namespace: string, service: Microservice, version: string) => Promise<Revision | undefined>;
}

/** The templates that Updates want: found, written, and written back. */
export class RecordTemplates {
  readonly #options: TemplateOptions;

  constructor(options: TemplateOptions) {
    this.#options = options;
  }

  /** The Revisions that the Update names, and those that are served. `problem`: why there are none, and what to do. */
  async resolve(
    one: Update,
    namespace: string,
  ): Promise<{ readonly revisions: readonly { service: string; from: string | undefined; to: Revision }[] } | { readonly problem: string }> {
    const revisions: { service: string; from: string | undefined; to: Revision }[] = [];
    for (const { name, to } of one.spec.services) {
      const service = this.#options.microservices.get(`${namespace}/${name}`);
      if (service === undefined || service.metadata.deletionTimestamp !== undefined)
        return {
          problem: `there is no Microservice ${name}${service === undefined ? "" : " any more (it is being deleted)"}; see: orrery get microservices`,
        };
      const known = this.#options.revisionsOf(namespace, name);
      let found = known.find((revision) => revision.metadata.name === to) ?? known.find((revision) => revision.spec.template.version === to);
      try {
        found ??= await this.#options.makeOffered(namespace, service, to);
      } catch (error) {
        if (!isOrreryError(error) || !error.code.startsWith("artifacts/")) throw error;
        return { problem: `the files of ${name} ${to} cannot be read: ${error.message}` };
      }
      if (found === undefined) {
        const versions = [...new Set(known.map((revision) => revision.spec.template.version))];
        return {
          problem: `${name} has no version or revision ${to} (it may have been pruned); known are ${versions.join(", ") || "none"}. Apply a manifest with that version instead`,
        };
      }
      revisions.push({ service: name, from: service.status?.servedRevision, to: found });
    }
    return { revisions };
  }

  /** What the templates of `revisions` say, compared with what was `seen` of them before. What an Update has left is taken as seen: those before this one are its past. `later`: a service whose template somebody has changed since. */
  see(
    namespace: string,
    revisions: readonly { readonly service: string; readonly to: Revision }[],
    seen: Seen = [],
  ): { readonly seen: Seen; readonly later: Microservice | undefined } {
    const now: { service: string; template: string }[] = [];
    let later: Microservice | undefined;
    for (const { service, to } of revisions) {
      const present = this.#options.microservices.get(`${namespace}/${service}`);
      const former = seen.find((one) => one.service === service)?.template;
      if (present === undefined) continue;
      const template = digestOf(present);
      const isPast = former === undefined || former === template || isWritten(present, to) || this.#isOfUpdate(namespace, present);
      if (!isPast) later ??= present;
      now.push({ service, template: isPast ? template : former });
    }
    return { seen: now, later };
  }

  /** True if the template is as an Update has written it, or written it back. */
  #isOfUpdate(namespace: string, present: Microservice): boolean {
    const revision = this.#revisionNamed(namespace, present.metadata.name, present.metadata.annotations?.[REVISION_ANNOTATION]);
    return revision !== undefined && isWritten(present, revision);
  }

  /** Writes the templates; true if one was not yet written. `seen`: what has been looked at; what has changed since is not written over.
   *  @throws store/conflict: a template is another one now; look again */
  async write(namespace: string, revisions: readonly { readonly service: string; readonly to: Revision }[], seen: Seen = []): Promise<boolean> {
    let written = false;
    for (const { service, to } of revisions) {
      const present = this.#options.microservices.get(`${namespace}/${service}`);
      if (present === undefined || isWritten(present, to)) continue;
      const former = seen.find((one) => one.service === service)?.template;
      if (former !== undefined && former !== digestOf(present))
        throw new OrreryError("store/conflict", `the template of ${service} has just been changed`, { retry: "after-reread" });
      written = true;
      const body = [
        { op: "test", path: "/metadata/resourceVersion", value: present.metadata.resourceVersion },
        { op: "replace", path: "/spec/template", value: to.spec.template },
        { op: "add", path: "/metadata/annotations", value: { ...present.metadata.annotations, [REVISION_ANNOTATION]: to.metadata.name } },
      ];
      await this.#options.store.patch(microservice, present.metadata, { type: "json", body }, { fieldManager: "orrery-update" });
    }
    return written;
  }

  /** True if the template of `service` is that of `to`, a Revision or the name of one. */
  isWritten(namespace: string, service: string, to: Revision | string | undefined): boolean {
    const present = this.#options.microservices.get(`${namespace}/${service}`);
    const revision = typeof to === "string" ? this.#revisionNamed(namespace, service, to) : to;
    return present !== undefined && revision !== undefined && isWritten(present, revision);
  }

  /** True if the template of `service` says what the revision is made of, whoever has written it. */
  isWanted(namespace: string, service: string, name: string): boolean {
    const present = this.#options.microservices.get(`${namespace}/${service}`);
    const revision = this.#revisionNamed(namespace, service, name);
    return present !== undefined && revision !== undefined && isSameTemplate(present, revision);
  }

  /** Given up before it was issued: what its templates said before they say again, or they would be issued as changed templates are. */
  async writeBack(one: Update, namespace: string): Promise<void> {
    const back = (one.status?.revisions ?? []).flatMap(({ service, from, to }) => {
      const former = this.#revisionNamed(namespace, service, from);
      return former !== undefined && this.isWritten(namespace, service, to) ? [{ service, to: former }] : [];
    });
    await this.write(namespace, back);
  }

  #revisionNamed(namespace: string, service: string, name: string | undefined): Revision | undefined {
    return this.#options.revisionsOf(namespace, service).find((candidate) => candidate.metadata.name === name);
  }
}

type Seen = NonNullable<NonNullable<Update["status"]>["seen"]>;

function digestOf({ spec }: Microservice): string {
  return createHash("sha256").update(JSON.stringify(spec.template)).digest("hex").slice(0, 16);
}

function isWritten(service: Microservice, to: Revision): boolean {
  return service.metadata.annotations?.[REVISION_ANNOTATION] === to.metadata.name && isSameTemplate(service, to);
}

function isSameTemplate(service: Microservice, { spec }: Revision): boolean {
  return JSON.stringify(service.spec.template) === JSON.stringify(spec.template);
}
