import { type FieldTable, type FieldValue, fieldText, sameField } from "#/messages/amqp/index.ts";
import { preconditionFailed } from "./faults.ts";
import { TopicTrie } from "./topic-trie.ts";

export const EXCHANGE_TYPES = ["direct", "fanout", "topic", "headers"] as const;
export type ExchangeType = (typeof EXCHANGE_TYPES)[number];

/** By what a binding lets messages through. */
export interface BindingRule {
  readonly routingKey: string;
  readonly args: FieldTable;
}

/** Who is bound to an exchange, in the form in which its type asks. */
export interface BindingIndex<T> {
  add(rule: BindingRule, target: T): void;
  /** Undoes one `add`. */
  remove(rule: BindingRule, target: T): void;
  /** Puts into `found` whom a message goes to. */
  match(routingKey: string, headers: FieldTable | undefined, found: Set<T>): void;
}

export function newBindingIndex<T>(type: ExchangeType): BindingIndex<T> {
  switch (type) {
    case "direct":
      return new KeyIndex((rule) => rule.routingKey);
    case "fanout":
      return new KeyIndex(() => "");
    case "topic": {
      const trie = new TopicTrie<T>();
      return {
        add: ({ routingKey }, target) => trie.add(routingKey, target),
        remove: ({ routingKey }, target) => trie.remove(routingKey, target),
        match: (routingKey, _headers, found) => trie.match(routingKey, found),
      };
    }
    case "headers":
      return new HeadersIndex();
  }
}

class KeyIndex<T> implements BindingIndex<T> {
  readonly #keyOf: (rule: BindingRule) => string;
  readonly #targets = new Map<string, Map<T, number>>();

  constructor(keyOf: (rule: BindingRule) => string) {
    this.#keyOf = keyOf;
  }

  add(rule: BindingRule, target: T): void {
    const key = this.#keyOf(rule);
    const targets = this.#targets.get(key) ?? new Map<T, number>();
    this.#targets.set(key, targets);
    targets.set(target, (targets.get(target) ?? 0) + 1);
  }

  remove(rule: BindingRule, target: T): void {
    const key = this.#keyOf(rule);
    const targets = this.#targets.get(key);
    const count = targets?.get(target) ?? 0;
    if (count > 1) targets?.set(target, count - 1);
    else targets?.delete(target);
    if (targets?.size === 0) this.#targets.delete(key);
  }

  match(routingKey: string, headers: FieldTable | undefined, found: Set<T>): void {
    const targets = this.#targets.get(this.#keyOf({ routingKey, args: headers ?? NO_ARGS }));
    if (targets !== undefined) for (const target of targets.keys()) found.add(target);
  }
}

const NO_ARGS: FieldTable = new Map();

interface HeadersRule<T> {
  readonly rule: BindingRule;
  readonly target: T;
  readonly isAny: boolean;
  readonly wanted: readonly (readonly [string, FieldValue])[];
}

const MATCHES = ["all", "any", "all-with-x", "any-with-x"];

/** @throws broker/precondition-failed */
export function checkHeadersRule({ args }: BindingRule): void {
  const match = args.get("x-match");
  if (match !== undefined && !MATCHES.includes(fieldText(match) ?? ""))
    throw preconditionFailed(`Invalid x-match field value: one of ${MATCHES.join(", ")} is expected`);
}

class HeadersIndex<T> implements BindingIndex<T> {
  readonly #rules: HeadersRule<T>[] = [];

  add(rule: BindingRule, target: T): void {
    const match = fieldText(rule.args.get("x-match")) ?? "all";
    const wanted = [...rule.args].filter(([name]) => name !== "x-match" && (match.endsWith("-with-x") || !name.startsWith("x-")));
    this.#rules.push({ rule, target, isAny: match.startsWith("any"), wanted });
  }

  remove(rule: BindingRule, target: T): void {
    const index = this.#rules.findIndex((one) => one.rule === rule && one.target === target);
    if (index >= 0) this.#rules.splice(index, 1);
  }

  match(_routingKey: string, headers: FieldTable | undefined, found: Set<T>): void {
    for (const { target, isAny, wanted } of this.#rules) {
      const holds = ([name, value]: readonly [string, FieldValue]): boolean => {
        const field = headers?.get(name);
        // A binding without a value asks only whether the header is there.
        return field !== undefined && (value.tag === "V" || sameField(value, field));
      };
      if (isAny ? wanted.some(holds) : wanted.every(holds)) found.add(target);
    }
  }
}
