import { parseB3, parseB3Multi } from "./b3.ts";
import { type NotOurs, readGenerationHeader, readTraceId, type TraceKey } from "./trace-id.ts";
import { parseTraceparent, type TraceIds } from "./traceparent.ts";

/** The headers (HTTP, AMQP) or context entries (Ice) that may carry a trace, by what they are. Of a carrier that was given more than once the last value stands in its place, the others under `repeated`: a service that copies headers behind a tracing library sends each twice. */
export interface Carriers {
  readonly traceparent?: string | undefined;
  readonly b3?: string | undefined;
  readonly b3TraceId?: string | undefined;
  readonly b3SpanId?: string | undefined;
  readonly b3Sampled?: string | undefined;
  readonly generation?: string | undefined;
  readonly repeated?: readonly RepeatedCarrier[] | undefined;
}

/** A further value of a carrier. */
export interface RepeatedCarrier {
  readonly carrier: "traceparent" | "b3" | "b3TraceId" | "generation";
  readonly value: string;
}

/** Which carriers hold the trace id of ours, as they came: the others must be replaced on the way on. */
export interface Held {
  readonly traceparent: boolean;
  readonly b3: boolean;
  readonly b3Multi: boolean;
  readonly generation: boolean;
}

/** What the carriers say together.
 *  - `labelled`: they name one generation. `ids` are those of the trace id of ours, absent where only the second carrier came through; then `link` is the trace that the service started instead.
 *  - `none`: no context; `reason` is `absent` or the first thing that was wrong; `link` is the foreign trace, if one was readable.
 *  - `conflict`: they name different generations: to follow either would be a guess. */
export type TraceContext =
  | {
      readonly kind: "labelled";
      readonly generation: number;
      readonly incarnation: number;
      readonly ids?: TraceIds | undefined;
      readonly link?: TraceIds | undefined;
      readonly held: Held;
    }
  | { readonly kind: "none"; readonly reason: "absent" | NotOurs; readonly link?: TraceIds | undefined }
  | { readonly kind: "conflict"; readonly generations: readonly [number, number] };

/** Reads a context strictly: what is foreign, forged, truncated or malformed is no context, with its reason. */
export function readContext(key: TraceKey, carriers: Carriers): TraceContext {
  const reader = new Reader(key);
  const traceparent = carriers.traceparent === undefined ? false : reader.take(parseTraceparent(carriers.traceparent));
  const b3Multi = carriers.b3TraceId === undefined ? false : reader.take(parseB3Multi(carriers.b3TraceId, carriers.b3SpanId, carriers.b3Sampled));
  const single = carriers.b3 === undefined ? "sampling" : parseB3(carriers.b3);
  const b3 = single === "sampling" ? false : reader.take(single);
  const generation = carriers.generation === undefined ? false : reader.takeMark(readGenerationHeader(key, carriers.generation), undefined);
  for (const one of carriers.repeated ?? NONE) reader.takeMark(markOf(key, one), undefined);
  return reader.result({ traceparent, b3, b3Multi, generation });
}

const NONE: readonly RepeatedCarrier[] = [];

/** The generation that a further value names: all values have to name the same one. Whose trace it is does not matter. */
function markOf(key: TraceKey, { carrier, value }: RepeatedCarrier): ReturnType<typeof readTraceId> {
  if (carrier === "generation") return readGenerationHeader(key, value);
  if (carrier === "b3TraceId") return readTraceId(key, value);
  const ids = carrier === "traceparent" ? parseTraceparent(value) : parseB3(value);
  return ids === undefined || ids === "sampling" ? "malformed" : readTraceId(key, ids.traceId);
}

class Reader {
  readonly #key: TraceKey;
  #generation = 0;
  #incarnation = 0;
  #other = 0;
  #ids: TraceIds | undefined;
  #link: TraceIds | undefined;
  #reason: NotOurs | undefined;

  constructor(key: TraceKey) {
    this.#key = key;
  }

  /** True if `ids` are ours. */
  take(ids: TraceIds | undefined): boolean {
    if (ids === undefined) {
      this.#reason ??= "malformed";
      return false;
    }
    // Most callers pass all carriers on, and all hold the same id: it is read once.
    if (this.#ids !== undefined && ids.traceId === this.#ids.traceId) return true;
    const isOurs = this.takeMark(readTraceId(this.#key, ids.traceId), ids);
    if (!isOurs) this.#link ??= ids;
    return isOurs;
  }

  takeMark(mark: { readonly generation: number; readonly incarnation: number } | NotOurs, ids: TraceIds | undefined): boolean {
    if (typeof mark === "string") {
      this.#reason ??= mark;
      return false;
    }
    if (this.#generation === 0) {
      this.#generation = mark.generation;
      this.#incarnation = mark.incarnation;
    } else if (this.#generation !== mark.generation) this.#other = mark.generation;
    this.#ids ??= ids;
    // Two traces of one generation in one call: the first is followed, the other carrier is replaced.
    return ids === undefined || this.#ids === undefined || ids.traceId === this.#ids.traceId;
  }

  result(held: Held): TraceContext {
    if (this.#other !== 0) return { kind: "conflict", generations: [this.#generation, this.#other] };
    if (this.#generation === 0) return { kind: "none", reason: this.#reason ?? "absent", link: this.#link };
    return { kind: "labelled", generation: this.#generation, incarnation: this.#incarnation, ids: this.#ids, link: this.#link, held };
  }
}
