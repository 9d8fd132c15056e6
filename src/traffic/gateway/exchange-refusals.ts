import { describeError } from "#/base/index.ts";
import { refuseConnection } from "./connect-refusal.ts";
import { type Call, type Refusal, refuse } from "./core/index.ts";

/** The connection to the instance of `call` broke before there was an answer. `wasSent`: the instance may have seen the request. */
export function refuseBroken(call: Call, error: Error, wasSent: boolean): Refusal {
  const { instance } = call.endpoint;
  const reason = describeError(error);
  if (isBeingStopped(call)) return refuse("gateway/leaving", `${instance} was stopped by the platform before it had answered: ${reason}`, call);
  if (!wasSent) return refuseConnection(instance, error, call);
  return refuse("gateway/broken-answer", `${instance} closed the connection before it had answered, or its answer is not HTTP: ${reason}`, call);
}

/** The same of a host outside the site. */
export function refuseBrokenOutside(host: string, error: Error, wasSent: boolean): Refusal {
  if (!wasSent) return refuseConnection(host, error);
  return refuse("gateway/broken-answer", `${host} closed the connection before it had answered, or its answer is not HTTP: ${describeError(error)}`);
}

/** An instance that is being stopped has done nothing wrong. */
export function isBeingStopped({ endpoint }: Call): boolean {
  return endpoint.isLeaving || endpoint.isGone;
}

export function refuseStreams(call: Call): Refusal {
  return refuse("gateway/busy", `${call.endpoint.instance} has as many streams as it may have: try again later`, call);
}

export function refuseTooLarge(bytesMax: number, call: Call | undefined): Refusal {
  return refuse("gateway/too-large", `the body is larger than the ${bytesMax} bytes that this route takes`, call);
}

export function refuseEvicted(call: Call | undefined): Refusal {
  return refuse("gateway/busy", "other requests needed the place of this one, whose client has closed its half of the connection", call);
}
