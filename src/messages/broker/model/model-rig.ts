import { ManualClock, seededRandom } from "#/base/index.ts";
import { EMPTY_TABLE, type FieldTable, type FieldValue, longField, type Properties, textField, writeProperties } from "#/messages/amqp/index.ts";
import { Broker, Channel, type Delivery, type Journal, memoryJournal, type Queue } from "./index.ts";

/** A client's channel, with all that it was told. */
export interface TestChannel {
  readonly channel: Channel;
  readonly deliveries: (Delivery & { readonly consumerTag: string })[];
  /** Texts of the bodies that came, in order. */
  readonly bodies: string[];
  readonly cancelled: string[];
  readonly returned: string[];
  readonly confirms: string[];
  isReading: boolean;
  publish(key: string, body: string, more?: { readonly exchange?: string; readonly properties?: Properties; readonly isMandatory?: boolean }): void;
  consume(queue: string, more?: { readonly isNoAck?: boolean; readonly isExclusive?: boolean; readonly args?: FieldTable }): string;
  get(queue: string): string | undefined;
}

/** A broker in memory, on a clock that tests move. */
export class ModelRig {
  readonly clock: ManualClock = new ManualClock();
  readonly broker: Broker;

  constructor(journal: Journal = memoryJournal) {
    this.broker = new Broker({ clock: this.clock, random: seededRandom(7), journal });
  }

  queue(name: string, args: Readonly<Record<string, string | number | boolean>> = {}, isDurable = false): Queue {
    return this.broker.declareQueue({ name, isDurable, isExclusive: false, isAutoDelete: false, args: table(args) }, this);
  }

  exchange(name: string, type: string, args: Readonly<Record<string, string | number | boolean>> = {}): void {
    this.broker.declareExchange({ name, type, isDurable: false, isAutoDelete: false, isInternal: false, args: table(args) });
  }

  bind(source: string, destination: string, routingKey: string, args: FieldTable = EMPTY_TABLE, to: "queue" | "exchange" = "queue"): void {
    this.broker.bind({ source, to, destination, routingKey, args }, this);
  }

  channel({ user = "guest", owner = this as object } = {}): TestChannel {
    const told = { deliveries: [], bodies: [], cancelled: [], returned: [], confirms: [] } as Pick<
      TestChannel,
      "deliveries" | "bodies" | "cancelled" | "returned" | "confirms"
    >;
    const port = {
      deliver(consumerTag: string, delivery: Delivery) {
        told.deliveries.push({ ...delivery, consumerTag });
        told.bodies.push(delivery.message.body.toString());
      },
      consumerCancelled: (tag: string) => void told.cancelled.push(tag),
      returned: (code: number, _text: string, message: { readonly body: Buffer }) => void told.returned.push(`${code} ${message.body}`),
      confirm: (tag: number, isMultiple: boolean, isAck: boolean) =>
        void told.confirms.push(`${isAck ? "ack" : "nack"} ${isMultiple ? "to " : ""}${tag}`),
      canTake: () => test.isReading,
    };
    const channel = new Channel({ broker: this.broker, port, owner, user });
    const test: TestChannel = {
      ...told,
      channel,
      isReading: true,
      publish(routingKey, body, { exchange = "", properties = {}, isMandatory = false } = {}) {
        channel.publish({ exchange, routingKey, properties: writeProperties(properties), body: Buffer.from(body) }, isMandatory);
      },
      consume(queue, { isNoAck = false, isExclusive = false, args = EMPTY_TABLE } = {}) {
        let tag = "";
        channel.consume({ queue, consumerTag: "", isNoAck, isExclusive, args }, (given) => {
          tag = given;
        });
        return tag;
      },
      get(queue) {
        let body: string | undefined;
        channel.get(queue, true, (got) => {
          body = got?.message.body.toString();
        });
        return body;
      },
    };
    return test;
  }
}

export function table(values: Readonly<Record<string, string | number | boolean>>): FieldTable {
  return new Map(
    Object.entries(values).map(([name, value]): [string, FieldValue] => [
      name,
      typeof value === "string" ? textField(value) : typeof value === "number" ? longField(value) : { tag: "t", value },
    ]),
  );
}
