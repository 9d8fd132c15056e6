import { isUtf8 } from "node:buffer";
import { describeError, isOrreryError, OrreryError } from "#/base/index.ts";
import { formatField } from "#/model/index.ts";
import { type FieldPath, type ReadText, readJson } from "#/text/index.ts";
import { type Exchange, headerOf, type Request } from "./exchange.ts";
import { tellDuplicates } from "./field-validation.ts";
import { readUnknown } from "./protobuf.ts";
import { badRequest } from "./status.ts";

/** As Kubernetes' API servers. */
export const BODY_BYTES_MAX: number = 3 * 1024 * 1024;
/** Of what is no object to be stored: reviews, options of a deletion, a Scale, an Event, arguments of a script. */
export const SMALL_BODY_BYTES_MAX: number = 64 * 1024;

/** HTTP/1 has a limit of its own; a stream of HTTP/2 could be fed a byte a day. */
const BODY_MS_MAX = 60_000;

const PROTOBUF = "application/vnd.kubernetes.protobuf";

/** The media type without parameters, lower case; `application/json` where none is given. */
export function mediaType(request: Request): string {
  return (headerOf(request, "content-type") ?? "application/json").split(";")[0]?.trim().toLowerCase() ?? "";
}

export interface BodyOptions {
  /** Default 3 MiB. */
  readonly bytesMax?: number;
  /** Reads a Kubernetes message inside of its envelope; absent: protobuf is not taken. */
  readonly protobuf?: (bytes: Buffer) => unknown;
}

/** The body as JSON, YAML or (reviews only) protobuf, exactly as it is written; `undefined` when it is empty. Keys that stand in it twice are told or refused, as the query's `fieldValidation` wants.
 *  @throws api/too-large: above `bytesMax`; the rest is not read. More values or levels than a body may have
 *  @throws api/slow-body (backoff): it did not come within a minute
 *  @throws api/busy (backoff): too much YAML waits to be read
 *  @throws api/media-type, api/bad-request: it cannot be read */
export async function readBody(exchange: Exchange, { bytesMax = BODY_BYTES_MAX, protobuf }: BodyOptions = {}): Promise<unknown> {
  const bytes = await readBytes(exchange, bytesMax);
  if (bytes.length === 0) return undefined;
  const type = mediaType(exchange.request);
  if (type === PROTOBUF && protobuf !== undefined) return protobuf(readUnknown(bytes));
  if (!YAML_TYPES.has(type) && type !== "application/json" && !type.endsWith("+json"))
    throw new OrreryError("api/media-type", `the body is of type ${type.slice(0, 100)}; send application/json or application/yaml`);
  const encoding = headerOf(exchange.request, "content-encoding")?.trim().toLowerCase() ?? "identity";
  if (encoding !== "identity") throw new OrreryError("api/media-type", `the body is encoded (${encoding.slice(0, 100)}); send it as it is`);
  if (!isUtf8(bytes)) throw badRequest("the body is no UTF-8");
  const text = bytes.toString("utf8").replace(/^\ufeff/, "");
  const { value, duplicates } = await readText(exchange, text, YAML_TYPES.has(type));
  tellDuplicates(duplicates, exchange);
  return value;
}

/** The body as a form: names and values as a browser's form, or Prometheus' clients, send them. No body is an empty form.
 *  @throws api/too-large, api/slow-body (backoff), api/media-type, api/bad-request */
export async function readForm(exchange: Exchange, bytesMax: number): Promise<URLSearchParams> {
  const bytes = await readBytes(exchange, bytesMax);
  if (bytes.length === 0) return new URLSearchParams();
  const type = headerOf(exchange.request, "content-type") === undefined ? FORM : mediaType(exchange.request);
  if (type !== FORM) throw new OrreryError("api/media-type", `the body is of type ${type.slice(0, 100)}; send ${FORM}`);
  if (!isUtf8(bytes)) throw badRequest("the body is no UTF-8");
  return new URLSearchParams(bytes.toString("utf8"));
}

const FORM = "application/x-www-form-urlencoded";

const YAML_TYPES: ReadonlySet<string> = new Set(["application/yaml", "text/yaml", "application/x-yaml", "application/apply-patch+yaml"]);

/** The body, which must be a map. */
export async function readObject(exchange: Exchange, options: BodyOptions = {}): Promise<Readonly<Record<string, unknown>>> {
  const body = await readBody(exchange, options);
  if (typeof body !== "object" || body === null || Array.isArray(body))
    throw badRequest("the body is no object: send one with apiVersion, kind, metadata, spec");
  return body as Readonly<Record<string, unknown>>;
}

/** Tells the audit the name of what was to be made and was refused before its body was read: of a small body, as far as it can be read. */
export async function readCalled(exchange: Exchange): Promise<void> {
  try {
    const body = (await readBody(exchange, { bytesMax: SMALL_BODY_BYTES_MAX })) as { readonly metadata?: { readonly name?: unknown } } | undefined;
    exchange.trail.called(body?.metadata?.name);
  } catch (error) {
    // It is refused all the same.
    if (!isOrreryError(error)) throw error;
  }
}

async function readText({ yaml, user }: Exchange, text: string, isYaml: boolean): Promise<ReadText> {
  try {
    if (!isYaml) return await readJson(text);
    // JSON is YAML, and what kubectl sends as YAML.
    return (/^\s*\{/.test(text) ? await readJsonIfAny(text) : undefined) ?? (await yaml.read(text, user.name));
  } catch (error) {
    throw refusal(error);
  }
}

async function readJsonIfAny(text: string): Promise<ReadText | undefined> {
  try {
    return await readJson(text);
  } catch (error) {
    if (isOrreryError(error, "text/malformed")) return undefined;
    throw error;
  }
}

function refusal(error: unknown): unknown {
  if (!isOrreryError(error)) return badRequest(`the body cannot be read: ${describeError(error)}`);
  const path = error.details["path"] as FieldPath | undefined;
  const text = `the body cannot be taken: ${path === undefined || path.length === 0 ? "" : `${formatField(path)}: `}${error.message}`;
  if (error.code === "text/too-large") return new OrreryError("api/too-large", text);
  return error.code === "text/busy" ? new OrreryError("api/busy", text, { retry: "backoff" }) : badRequest(text);
}

function tooLarge(bytesMax: number): OrreryError {
  return new OrreryError(
    "api/too-large",
    `the body is longer than ${bytesMax} bytes (${bytesMax < 1024 * 1024 ? `${bytesMax / 1024} KiB` : `${bytesMax / 1024 / 1024} MiB`})`,
  );
}

async function readBytes({ request, clock }: Exchange, bytesMax: number): Promise<Buffer> {
  if (Number(headerOf(request, "content-length") ?? 0) > bytesMax) throw tooLarge(bytesMax);
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
      if (size > bytesMax) {
        request.pause();
        return settle(() => reject(tooLarge(bytesMax)));
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
