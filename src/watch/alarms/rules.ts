import { type Clock, describeError } from "#/base/index.ts";
import type { Alarm, AlarmRule, StoredObject } from "#/model/index.ts";
import type { LocalCopy } from "#/state/reconcile/index.ts";
import { parseLabelSelector } from "#/state/store/index.ts";
import type { AlarmBook } from "./book.ts";
import { compileRule, type ObjectRule } from "./core/evaluate.ts";
import { refOf } from "./core/graph.ts";
import { alarmName } from "./identity.ts";

export interface ObjectRulesOptions {
  readonly book: AlarmBook;
  /** By kind, what is looked at. */
  readonly copies: ReadonlyMap<string, LocalCopy<StoredObject>>;
  /** Alarms as they are stored. */
  readonly alarms: { values(): Iterable<Alarm> };
  /** An alarm has to be looked at. */
  readonly enqueue: (name: string) => void;
  /** True: nobody observes it now, as its host is lost. */
  readonly isUnseen: (object: StoredObject) => boolean;
  readonly clock: Clock;
}

/** Rules about objects, asked at each change of an object and of a rule. */
export class ObjectRules {
  readonly #options: ObjectRulesOptions;
  readonly #rules = new Map<string, ObjectRule>();
  readonly #failures = new Map<string, string>();

  constructor(options: ObjectRulesOptions) {
    this.#options = options;
  }

  /** Why rules cannot be asked, by their names. */
  get failures(): ReadonlyMap<string, string> {
    return this.#failures;
  }

  get(name: string): ObjectRule | undefined {
    return this.#rules.get(name);
  }

  /** Takes a rule as it is now; of one that is gone, `spec` is absent. */
  put(name: string, spec: AlarmRule["spec"] | undefined): void {
    const former = this.#rules.get(name);
    this.#rules.delete(name);
    this.#failures.delete(name);
    if (spec?.of !== undefined) {
      try {
        const { labels, kind } = spec.of;
        const rule = compileRule(name, spec, labels === undefined ? undefined : (parseLabelSelector(labels) ?? (() => true)));
        this.#rules.set(name, rule);
        if (!this.#options.copies.has(kind))
          this.#failures.set(name, `there are no objects of kind ${kind} to be looked at; allowed: ${[...this.#options.copies.keys()].join(", ")}`);
        for (const object of this.#options.copies.get(kind)?.values() ?? []) this.#look(rule, object);
      } catch (error) {
        this.#failures.set(name, describeError(error));
      }
    }
    if (former !== undefined || spec === undefined) this.#leave(name);
    this.#checkGone(name);
  }

  /** An object has changed, or is gone. */
  object(before: StoredObject | undefined, after: StoredObject | undefined): void {
    const object = after ?? before;
    if (object === undefined) return;
    for (const rule of this.#rules.values()) {
      if (rule.spec.of?.kind !== object.kind) continue;
      if (after !== undefined) this.#look(rule, after);
      else this.#gone(rule, object);
    }
  }

  #look(rule: ObjectRule, object: StoredObject): void {
    const { book, clock, isUnseen, enqueue } = this.#options;
    const identity = { resource: refOf(object), type: rule.name };
    if (!rule.looksAt(object)) return this.#unlooked(alarmName(identity));
    const name = book.see({
      identity,
      observation: rule.observe(object, {
        isRaised: rule.spec.field?.clear !== undefined && book.isRaised(alarmName(identity)),
        isUnseen: isUnseen(object),
      }),
      settings: rule.settings,
      labels: { ...object.metadata.labels, ...rule.spec.labels },
      seenMs: clock.now(),
      suppresses: rule.spec.suppresses,
    });
    if (name !== undefined) enqueue(name);
  }

  /** A rule looks at it no more, or is gone: whether it still holds nobody knows. */
  #unlooked(name: string): void {
    const { book, enqueue } = this.#options;
    const sight = book.sightOf(name);
    if (sight === undefined || sight.observation.holds === undefined) return;
    book.see({ ...sight, observation: { ...sight.observation, holds: undefined } });
    enqueue(name);
  }

  /** Who sees that the object is gone has seen that nothing is wrong with it any more. */
  #gone(rule: ObjectRule, object: Pick<StoredObject, "kind" | "metadata">): void {
    const { book, clock, enqueue } = this.#options;
    const name = book.see({
      identity: { resource: refOf(object), type: rule.name },
      observation: { holds: false, severity: rule.spec.severity, text: "it is gone" },
      settings: { delayMs: 0, clearDelayMs: 0 },
      labels: { ...object.metadata.labels, ...rule.spec.labels },
      seenMs: clock.now(),
      suppresses: rule.spec.suppresses,
    });
    if (name !== undefined) enqueue(name);
  }

  #leave(type: string): void {
    const { book, copies } = this.#options;
    const rule = this.#rules.get(type);
    for (const name of [...book.names()]) {
      const sight = book.sightOf(name);
      if (sight?.identity.type !== type) continue;
      const { kind, namespace, name: of } = sight.identity.resource;
      const object = copies.get(kind)?.get(namespace === undefined ? of : `${namespace}/${of}`);
      if (rule === undefined || (object !== undefined && !rule.looksAt(object))) this.#unlooked(name);
    }
  }

  /** Alarms of objects that went while no centre looked. */
  #checkGone(type: string): void {
    const rule = this.#rules.get(type);
    if (rule === undefined) return;
    for (const { spec, metadata } of this.#options.alarms.values()) {
      const { kind, namespace, name } = spec.resource;
      if (spec.type !== type || kind !== rule.spec.of?.kind) continue;
      const copy = this.#options.copies.get(kind);
      if (copy === undefined || copy.get(namespace === undefined ? name : `${namespace}/${name}`) !== undefined) continue;
      this.#gone(rule, {
        kind,
        metadata: { ...metadata, name, ...(namespace === undefined ? { namespace: undefined } : { namespace }) } as StoredObject["metadata"],
      });
    }
  }
}
