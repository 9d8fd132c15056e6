import { createHash } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { type Clock, OrreryError } from "#/base/index.ts";
import { writeFileDurably } from "#/work/process/index.ts";

/** Of RFC 5612: for documentation; until the project has a number of its own. */
export const ENTERPRISE = 32_473;

/** At this number of starts an engine answers nothing that is authenticated, until its id is another one (RFC 3414, 2.2.2). */
export const BOOTS_MAX = 2_147_483_647;

/** How far the clocks of both sides may be apart (RFC 3414, 3.2.7). */
export const WINDOW_S = 150;

/** snmpEngineID of a host (RFC 3411, SnmpEngineID, form 5): what the site's identity and the host's name make of it. A copied data folder has another identity, so its engine is another one. */
export function engineIdOf(identity: string, host: string): Buffer {
  const id = createHash("sha256").update(`${identity}\0${host}`).digest().subarray(0, 16);
  const head = Buffer.alloc(5);
  head.writeUInt32BE((0x8000_0000 | ENTERPRISE) >>> 0, 0);
  head[4] = 5;
  return Buffer.concat([head, id]);
}

/** The authoritative engine of this process: it counts its starts, and its time goes on evenly. */
export interface Engine {
  readonly id: Uint8Array;
  readonly boots: number;
  /** Seconds since this start. */
  time(): number;
}

/** Counts this start, durably, before anything is answered: what was signed before it is never taken again.
 *  @throws snmp/engine: the file cannot be read or written, or holds something else */
export function startEngine({
  folder,
  identity,
  host,
  clock,
}: {
  readonly folder: string;
  readonly identity: string;
  readonly host: string;
  readonly clock: Clock;
}): Engine {
  const id = engineIdOf(identity, host);
  const file = path.join(folder, "engine.json");
  const startMs = clock.monotonic();
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const former = readFormer(file);
    const boots = Math.min(BOOTS_MAX, (former?.id === id.toString("hex") ? former.boots : 0) + 1);
    writeFileDurably(file, `${JSON.stringify({ id: id.toString("hex"), boots })}\n`);
    return { id, boots, time: () => Math.floor((clock.monotonic() - startMs) / 1000) };
  } catch (error) {
    throw new OrreryError(
      "snmp/engine",
      `cannot count this start of the SNMP engine in ${file}: ${error instanceof Error ? error.message : String(error)}. Make the folder writable; do not delete the file: managers refuse an engine whose starts go back`,
      { cause: error },
    );
  }
}

function readFormer(file: string): { readonly id: string; readonly boots: number } | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const { id, boots } = (JSON.parse(text) ?? {}) as { readonly id?: unknown; readonly boots?: unknown };
  if (typeof id !== "string" || !Number.isSafeInteger(boots) || Number(boots) < 0) throw new Error(`it holds ${text.slice(0, 100)}`);
  return { id, boots: Number(boots) };
}
