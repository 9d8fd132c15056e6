import type { Client, ClientRequest } from "#/state/client/index.ts";
import type { CliContext } from "./context.ts";
import type { Options } from "./options.ts";

/** `context` whose requests say why they are made, and whether somebody does alone what others have to approve. */
export function asking(context: CliContext, { reason, breakGlass }: Pick<Options, "reason" | "breakGlass">): CliContext {
  if (reason === undefined && breakGlass === undefined) return context;
  // Why it is done alone is why it is done.
  const why = reason ?? breakGlass ?? "";
  const said = {
    "orrery-reason": encodeURIComponent(why),
    ...(breakGlass !== undefined && { "orrery-break-glass": encodeURIComponent(breakGlass) }),
  };
  const connect = async (data: string): Promise<Client> => {
    const client = await context.connect(data);
    const saying = <R extends ClientRequest>(request: R): R => ({ ...request, headers: { ...request.headers, ...said } });
    return {
      url: client.url,
      request: (request) => client.request(saying(request)),
      openExchange: (request) => client.openExchange(saying(request)),
      lines: (request) => client.lines(request),
      text: (request) => client.text(request),
      openLink: (hello, handlers) => client.openLink(hello, handlers),
      keepLink: (options) => client.keepLink(options),
      close: () => client.close(),
    };
  };
  // What is looked up late stays so.
  return Object.create(context, { connect: { value: connect, enumerable: true } }) as CliContext;
}
