import { parse as parseYaml } from "yaml";
import { describeError, OrreryError } from "#/base/index.ts";
import { type Exchange, headerOf, type Request } from "./exchange.ts";
import { readUnknown } from "./protobuf.ts";
import { badRequest } from "./status.ts";

/** As Kubernetes' API servers. */
export const BODY_BYTES_MAX: number = 3 * 1024 * 1024;

/** HTTP/1 has a limit of its own; a stream of HTTP/2 could be fed a byte a day. */
const BODY_MS_MAX = 60_000;

const PROTOBUF = "application/vnd.kubernetes.protobuf";

/** The media type without parameters, lower case; `application/json` where none is given. */
export function mediaType(request: Request): string {
  return (headerOf(request, "content-type") ?? "application/json").split(";")[0]?.trim().toLowerCase() ?? "";
}

/** The body as JSON, YAML or (reviews only) protobuf, parsed; `undefined` when it is empty.
 *  @throws api/too-large: above 3 MiB; the rest is not read
 *  @throws api/slow-body (backoff): it did not come within a minute
 *  @throws api/media-type, api/bad-request: it cannot be read */
export async function readBody(exchange: Exchange, protobuf?: (bytes: Buffer) => unknown): Promise<unknown> {
  const bytes = await readBytes(exchange);
  if (bytes.length === 0) return undefined;
  const type = mediaType(exchange.request);
  if (type === PROTOBUF && protobuf !== undefined) return protobuf(readUnknown(bytes));
  if (type === "application/yaml" || type === "text/yaml" || type === "application/x-yaml" || type === "application/apply-patch+yaml")
    return parseText(bytes, "YAML", (text) => parseYaml(text, { maxAliasCount: 100 }));
  if (type === "application/json" || type.endsWith("+json")) return parseText(bytes, "JSON", JSON.parse);
  throw new OrreryError("api/media-type", `the body is of type ${type}; send application/json or application/yaml`);
}

/** The body, which must be a map. */
export async function readObject(exchange: Exchange): Promise<Readonly<Record<string, unknown>>> {
  const body = await readBody(exchange);
  if (typeof body !== "object" || body === null || Array.isArray(body))
    throw badRequest("the body is no object: send one with apiVersion, kind, metadata, spec");
  return body as Readonly<Record<string, unknown>>;
}

function parseText(bytes: Buffer, what: string, parse: (text: string) => unknown): unknown {
  try {
    return parse(bytes.toString("utf8"));
  } catch (error) {
    throw badRequest(`the body is no ${what}: ${describeError(error)}`);
  }
}

function tooLarge(): OrreryError {
  return new OrreryError("api/too-large", `the body is longer than ${BODY_BYTES_MAX} bytes (3 MiB)`);
}

async function readBytes({ request, clock }: Exchange): Promise<Buffer> {
  if (Number(headerOf(request, "content-length") ?? 0) > BODY_BYTES_MAX) throw tooLarge();
  const parts: Buffer[] = [];
  let size = 0;
  return await new Promise<Buffer>((resolve, reject) => {
    const settle = (finish: () => void): void => {
      cancel();
      request.off("data", onData).off("end", onEnd).off("close", onClose).off("error", onClose);
      finish();
    };
    const onData = (part: Buffer): void => {
      size += part.length;
      if (size > BODY_BYTES_MAX) {
        request.pause();
        return settle(() => reject(tooLarge()));
      }
      parts.push(part);
    };
    const onEnd = (): void => settle(() => resolve(parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts)));
    const onClose = (): void => settle(() => reject(badRequest("the connection was cut before the end of the body")));
    const cancel = clock.after(
      BODY_MS_MAX,
      () => settle(() => reject(new OrreryError("api/slow-body", `the body did not come within ${BODY_MS_MAX / 1_000} s`, { retry: "backoff" }))),
      { background: true },
    );
    request.on("data", onData).on("end", onEnd).on("close", onClose).on("error", onClose);
  });
}
