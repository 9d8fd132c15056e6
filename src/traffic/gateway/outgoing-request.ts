import { type Authority, type Call, type FilteredRequest, portOf, type Refusal, type RequestHead } from "./core/index.ts";
import { refuseBroken, refuseBrokenOutside } from "./exchange-refusals.ts";
import type { ProxyContext } from "./proxy-context.ts";
import type { RequestBody } from "./request-body.ts";
import { headersForInstance, headersForOutside } from "./request-headers.ts";
import { type AnswerHandler, UpstreamCall } from "./upstream/index.ts";

export interface OutgoingRequestOptions {
  readonly context: ProxyContext;
  readonly head: RequestHead;
  readonly request: FilteredRequest;
  /** Whose instance it goes to, or the host outside the site. */
  readonly to: Call | Authority;
  readonly body: RequestBody | undefined;
  readonly isUpgrade: boolean;
  readonly handler: AnswerHandler;
}

/** One request on its way out: to an instance, to another one after a failed try, or to a host outside the site. */
export class OutgoingRequest {
  readonly #context: ProxyContext;
  readonly #head: RequestHead;
  readonly request: FilteredRequest;
  readonly #to: Call | Authority;
  readonly #body: RequestBody | undefined;
  readonly #upgrade: string | undefined;
  readonly #handler: AnswerHandler;
  readonly #headers: readonly string[];
  #upstream: UpstreamCall | undefined;
  /** The instance of the present try may have seen it. */
  #wasSent = false;

  constructor({ context, head, request, to, body, isUpgrade, handler }: OutgoingRequestOptions) {
    this.#context = context;
    this.#head = head;
    this.request = request;
    this.#to = to;
    this.#body = body;
    this.#upgrade = isUpgrade ? head.upgrade : undefined;
    this.#handler = handler;
    this.#headers = "kind" in to ? headersForInstance(request, head, to) : headersForOutside(request, head);
  }

  send(): void {
    const { method, path } = this.request;
    const { hasBody, isChunked, acceptsTrailers } = this.#head;
    const to = this.#to;
    this.#wasSent = false;
    this.#upstream = new UpstreamCall(
      {
        method,
        path,
        headers: this.#headers,
        body: !hasBody ? "none" : isChunked ? "chunked" : "length",
        expectsContinue: this.#body?.expectsContinue === true,
        acceptsTrailers,
        upgrade: this.#upgrade,
      },
      this.#handler,
    );
    const { upstreams } = this.#context;
    const pool = "kind" in to ? upstreams.pool(to.endpoint, portOf(to)) : upstreams.outside(to);
    pool.send(this.#upstream);
  }

  /** Its head has gone out, and the body may follow. */
  sent(): void {
    this.#wasSent = true;
    if (this.#upstream !== undefined) this.#body?.sent(this.#upstream, this.request.requestBytesMax);
  }

  /** Sends it again, to another instance, after a failed try. False: that must not be, or there is none. */
  sendAgain(call: Call, isUnanswered: boolean): boolean {
    const { core, clock } = this.#context;
    const isReplayable = isUnanswered && this.#body?.isTouched !== true;
    const next = core.retry(call, { status: 0, wasSent: this.#wasSent }, { method: this.#head.method, isReplayable }, clock.monotonic());
    if (next === undefined) return false;
    this.send();
    return true;
  }

  /** What `error` of the present try means for the client. */
  refusal(error: Error): Refusal {
    return "kind" in this.#to ? refuseBroken(this.#to, error, this.#wasSent) : refuseBrokenOutside(this.request.host, error, this.#wasSent);
  }

  /** True while there is no connection for it yet. */
  get isWaiting(): boolean {
    return this.#upstream?.isWaiting !== false;
  }

  /** True once all of it has gone out. */
  get isOut(): boolean {
    return this.#upstream?.isSent === true && !this.#upstream.isWaiting;
  }

  /** Reads no more of the answer for now. */
  pause(): void {
    this.#upstream?.pause();
  }

  resume(): void {
    this.#upstream?.resume();
  }

  /** Gives it up: nothing is heard of it any more. */
  abort(): void {
    this.#upstream?.abort();
  }
}
