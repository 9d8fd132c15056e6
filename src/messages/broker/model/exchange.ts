import type { FieldTable } from "#/messages/amqp/index.ts";
import { type BindingIndex, type BindingRule, type ExchangeType, newBindingIndex } from "./bindings.ts";
import type { Queue } from "./queue.ts";

export interface ExchangeOptions {
  readonly name: string;
  readonly type: ExchangeType;
  readonly isDurable: boolean;
  readonly isAutoDelete: boolean;
  /** Takes from other exchanges alone. */
  readonly isInternal: boolean;
  readonly args: FieldTable;
  /** Name of the exchange that takes what reaches nobody here. */
  readonly alternate: string | undefined;
}

export interface Binding extends BindingRule {
  readonly source: Exchange;
  readonly destination: Queue | Exchange;
  /** Equal for equal bindings of one source. */
  readonly key: string;
}

/** An exchange: who gets what is published to it. */
export class Exchange {
  readonly kind = "exchange";
  readonly options: ExchangeOptions;
  /** Bindings that begin here, by key. */
  readonly outgoing: Map<string, Binding> = new Map();
  readonly #index: BindingIndex<Queue | Exchange>;

  constructor(options: ExchangeOptions) {
    this.options = options;
    this.#index = newBindingIndex(options.type);
  }

  get name(): string {
    return this.options.name;
  }

  /** False if there is an equal one already. */
  bind(binding: Binding): boolean {
    if (this.outgoing.has(binding.key)) return false;
    this.outgoing.set(binding.key, binding);
    this.#index.add(binding, binding.destination);
    return true;
  }

  unbind(binding: Binding): void {
    this.outgoing.delete(binding.key);
    this.#index.remove(binding, binding.destination);
  }

  match(routingKey: string, headers: FieldTable | undefined, found: Set<Queue | Exchange>): void {
    this.#index.match(routingKey, headers, found);
  }
}
