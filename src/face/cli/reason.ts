import { OrreryError } from "#/base/index.ts";
import type { Client, ClientRequest } from "#/state/client/index.ts";
import type { CliContext } from "./context.ts";

const REASON_CHARACTERS_MAX = 1_000;

/** `context` whose clients say with each request why it is made: `--reason`.
 *  @throws cli/usage */
export function withReason(context: CliContext, reason: string): CliContext {
  if (reason.trim() === "" || reason.length > REASON_CHARACTERS_MAX)
    throw new OrreryError("cli/usage", `--reason: give a sentence of at most ${REASON_CHARACTERS_MAX} characters`);
  const headers = { "orrery-reason": encodeURIComponent(reason.toWellFormed()) };
  const told = (request: ClientRequest): ClientRequest => ({ ...request, headers: { ...request.headers, ...headers } });
  const connect = async (data: string): Promise<Client> => {
    const inner = await context.connect(data);
    return {
      get url() {
        return inner.url;
      },
      request: (request) => inner.request(told(request)),
      lines: (request) => inner.lines(told(request)),
      text: (request) => inner.text(told(request)),
      openExchange: (request) => inner.openExchange(told(request)),
      openLink: (hello, handlers) => inner.openLink(hello, handlers),
      keepLink: (options) => inner.keepLink(options),
      close: () => inner.close(),
    };
  };
  // What is looked up only when it is asked for, such as the current folder, stays so.
  return Object.create(context, { connect: { value: connect } }) as CliContext;
}
