import { appendFileSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { HostContext, HostPart, HostWorker } from "#/state/link/index.ts";
import { readHead } from "./chain/index.ts";
import type { SignedHead } from "./contract.ts";

/** Heads that are kept; above it, of each day but the last two the last one stays. */
const HEADS_MAX = 1_000;
const DAY_MS = 86_400_000;
const NOTE_CHARACTERS_MAX = 2_000;

/** What a witness answers to a head. `kept`: it goes on from what it has seen. `behind`, `differs`: it has seen more of this chain, or another entry at that place; `other`: it knows another chain, not this one. With each the head that it had. */
export interface Testimony {
  readonly state: "kept" | "behind" | "differs" | "other" | "unsigned";
  readonly had?: SignedHead;
}

/** Keeps the heads that a centre has shown, in a file of its own process: what is written anew, cut or put back at the centre shows against it. It believes nobody: a head that contradicts what it has is kept beside it. */
export class HeadWitness {
  readonly #file: string;
  readonly #max: number;
  #heads: SignedHead[];

  constructor(file: string, max: number = HEADS_MAX) {
    this.#file = file;
    this.#max = max;
    this.#heads = [...readWitnessed(file)];
  }

  get heads(): readonly SignedHead[] {
    return this.#heads;
  }

  /** Looks at a head and keeps it. @throws what the system says when it cannot be kept */
  see(signed: SignedHead): Testimony {
    const read = readHead(signed.note, [signed.key]);
    if (read?.isSigned !== true) return { state: "unsigned" };
    const { head } = read;
    const known = this.#heads.map((one) => ({ one, head: readHead(one.note, [])?.head }));
    const same = known.filter((one) => one.head?.origin === head.origin);
    const twin = same.find((one) => one.head?.seq === head.seq);
    const newest = same.toSorted((a, b) => (b.head?.seq ?? 0) - (a.head?.seq ?? 0))[0];
    const last = known.at(-1);
    if (twin?.head?.hash !== head.hash) this.#keep(signed);
    if (twin !== undefined && twin.head?.hash !== head.hash) return { state: "differs", had: twin.one };
    if (newest !== undefined && (newest.head?.seq ?? 0) > head.seq) return { state: "behind", had: newest.one };
    if (newest === undefined && last !== undefined) return { state: "other", had: last.one };
    return { state: "kept" };
  }

  #keep(signed: SignedHead): void {
    this.#heads.push(signed);
    mkdirSync(path.dirname(this.#file), { recursive: true, mode: 0o700 });
    if (this.#heads.length <= this.#max) return appendFileSync(this.#file, lineOf(signed), { mode: 0o600, flush: true });
    this.#heads = thinned(this.#heads, this.#max);
    writeFileSync(`${this.#file}.new`, this.#heads.map(lineOf).join(""), { mode: 0o600, flush: true });
    renameSync(`${this.#file}.new`, this.#file);
  }
}

/** The heads that a witness has kept in `file`; none if it is not there. Lines that are no heads are passed over. */
export function readWitnessed(file: string): readonly SignedHead[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return [];
  }
  return text.split("\n").flatMap((line) => parseHead(line) ?? []);
}

/** A head as it crosses a link or stands in a file. */
export function parseSignedHead(value: unknown): SignedHead | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { note, key } = value as Readonly<Record<string, unknown>>;
  if (typeof note !== "string" || typeof key !== "string" || note.length + key.length > NOTE_CHARACTERS_MAX) return undefined;
  return { note, key };
}

/** The file in which a process of a host keeps what it has witnessed: `folder` is its own below the data folder. */
export function witnessFile(folder: string): string {
  return path.join(folder, "audit-heads");
}

/** Makes an agent or gateway a witness of the centre's audit. */
export function witnessPart<C extends HostContext>(folderOf: (context: C) => string): HostPart<C, HostWorker> {
  return {
    name: "audit-witness",
    start(context) {
      const witness = new HeadWitness(witnessFile(folderOf(context)));
      return {
        handlers: {
          calls: {
            "audit/head": async (params) => {
              const head = parseSignedHead(params);
              return head === undefined ? ({ state: "unsigned" } satisfies Testimony) : witness.see(head);
            },
            "audit/heads": async () => ({ heads: witness.heads }),
          },
        },
      };
    },
  };
}

function parseHead(line: string): SignedHead | undefined {
  try {
    return parseSignedHead(JSON.parse(line));
  } catch {
    return undefined;
  }
}

function lineOf({ note, key }: SignedHead): string {
  return `${JSON.stringify({ note, key })}\n`;
}

/** The last head of each day, and all of the last two days that were witnessed, at most half of what is kept. */
function thinned(heads: readonly SignedHead[], max: number): SignedHead[] {
  const dated = heads.map((signed) => ({ signed, day: dayOf(signed) }));
  const lastDay = Math.max(...dated.map(({ day }) => day));
  const kept = dated.filter(({ day }, index) => day >= lastDay - 1 || dated[index + 1]?.day !== day);
  return kept.slice(-max / 2).map(({ signed }) => signed);
}

function dayOf({ note }: SignedHead): number {
  return Math.floor((Date.parse(readHead(note, [])?.head.at ?? "") || 0) / DAY_MS);
}
