import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { endianness } from "node:os";
import { setImmediate as nextTurn } from "node:timers/promises";
import { readProcStat } from "./proc-stat.ts";

/** One end of a TCP connection of this host, as the other end sees it. */
export interface PeerSocket {
  readonly address: string;
  readonly port: number;
  readonly ownAddress: string;
  readonly ownPort: number;
}

/** `own`: it belongs to whom was expected. `other`: to a process of somebody else, named. `unknown`: to nobody that is known, or Linux does not tell. */
export type Ownership = { readonly kind: "own" } | { readonly kind: "other"; readonly name: string } | { readonly kind: "unknown" };

export interface SocketOwnersOptions {
  /** By whom a process is, from its environment; `undefined`: nobody of ours. */
  readonly nameOf: (environment: Readonly<Record<string, string>>) => string | undefined;
}

interface Question {
  readonly peer: PeerSocket;
  readonly expected: string;
  readonly answer: (ownership: Ownership) => void;
}

/** Steps from a process to its parent. */
const PARENTS_MAX = 20;
const UNKNOWN: Ownership = { kind: "unknown" };
/** Links that are read in one turn: well below a millisecond. */
const LINKS_A_TURN = 150;
/** Links that are read at most for what is asked at one time; on a host whose services have more files open, some answers are `unknown`. */
const LINKS_MAX = 100_000;
/** Questions that wait; more are answered `unknown`. */
const QUESTIONS_MAX = 10_000;

/** Finds out which process is at the other end of a connection on this host: the kernel's table of connections gives the socket's number, and the files of processes say who has it open. All that are asked meanwhile are answered by one reading of the table. Reads only what this user may read. */
export class SocketOwners {
  readonly #nameOf: SocketOwnersOptions["nameOf"];
  /** By pid, of all processes that have been looked at. */
  readonly #names = new Map<number, string | undefined>();
  #questions: Question[] = [];
  #isAnswering = false;

  constructor(options: SocketOwnersOptions) {
    this.#nameOf = options.nameOf;
  }

  /** Whether `peer` belongs to a process of `expected`. Never fails. */
  find(peer: PeerSocket, expected: string): Promise<Ownership> {
    if (this.#questions.length >= QUESTIONS_MAX) return Promise.resolve(UNKNOWN);
    return new Promise((resolve) => {
      this.#questions.push({ peer, expected, answer: resolve });
      if (!this.#isAnswering) void this.#answerAll();
    });
  }

  async #answerAll(): Promise<void> {
    this.#isAnswering = true;
    while (this.#questions.length > 0) {
      const questions = this.#questions.splice(0);
      const table = await readTable("/proc/net/tcp");
      const inodes = questions.map(({ peer }) => findInode(table, peer, hexOfIpv4));
      // A socket of IPv6 that calls an IPv4 address stands in the other table: Java does so.
      const more = inodes.includes(undefined) ? await readTable("/proc/net/tcp6") : "";
      const pending = new Map<string, Question>();
      for (const [index, question] of questions.entries()) {
        const inode = inodes[index] ?? findInode(more, question.peer, hexOfMapped);
        if (inode === undefined) question.answer(UNKNOWN);
        else pending.set(`socket:[${inode}]`, question);
      }
      await this.#look(pending);
      for (const { answer } of pending.values()) answer(UNKNOWN);
    }
    this.#isAnswering = false;
  }

  /** Answers what it finds, and takes it out of `pending`. Each process is looked at once, those first that are expected. */
  async #look(pending: Map<string, Question>): Promise<void> {
    const pace = { links: 0 };
    const looked = new Set<number>();
    const others = new Map<string, string>();
    const pass = async (isWanted: (name: string) => boolean): Promise<void> => {
      for (const [pid, name] of this.#names) {
        if (pending.size === 0 || pace.links > LINKS_MAX) return;
        if (name === undefined || looked.has(pid) || !isWanted(name)) continue;
        looked.add(pid);
        for await (const link of linksOf(pid, pace)) {
          const question = pending.get(link);
          if (question?.expected !== name) {
            if (question !== undefined) others.set(link, name);
            continue;
          }
          question.answer({ kind: "own" });
          pending.delete(link);
        }
      }
    };
    const isExpected = (name: string): boolean => expected.has(name);
    const expected = new Set([...pending.values()].map((one) => one.expected));
    await pass(isExpected);
    if (pending.size === 0) return;
    this.#refresh();
    await pass(isExpected);
    await pass(() => true);
    for (const [link, name] of others) {
      pending.get(link)?.answer({ kind: "other", name });
      pending.delete(link);
    }
  }

  /** Looks at processes that are new, and forgets those that are gone. One without a name that can be read is whose its session's first process is, or its parent: programs that set their own title overwrite their environment. One in the midst of an execve(2) has no environment yet: it is looked at again. */
  #refresh(): void {
    const pids = new Set(readdirSync("/proc").map(Number).filter(Number.isInteger));
    for (const pid of this.#names.keys()) if (!pids.has(pid)) this.#names.delete(pid);
    for (const pid of pids) {
      if (this.#names.has(pid)) continue;
      const environment = readEnvironmentOf(pid);
      if (environment !== undefined) this.#names.set(pid, this.#nameOf(environment));
    }
    for (const pid of pids) if (this.#names.has(pid) && this.#names.get(pid) === undefined) this.#names.set(pid, this.#inheritedName(pid));
  }

  #inheritedName(pid: number): string | undefined {
    const stat = readProcStat(pid);
    if (stat === undefined) return undefined;
    const ofSession = this.#names.get(stat.session);
    if (ofSession !== undefined) return ofSession;
    let { parent } = stat;
    for (let depth = 0; depth < PARENTS_MAX && parent > 1; depth++) {
      const name = this.#names.get(parent);
      if (name !== undefined) return name;
      parent = readProcStat(parent)?.parent ?? 0;
    }
    return undefined;
  }
}

async function readTable(file: string): Promise<string> {
  try {
    return await readFile(file, "latin1");
  } catch {
    return "";
  }
}

/** The number of the socket whose own end is `peer`; `undefined` if it is not in the table. */
function findInode(table: string, peer: PeerSocket, hex: (address: string) => string | undefined): string | undefined {
  const [address, own] = [hex(peer.address), hex(peer.ownAddress)];
  if (address === undefined || own === undefined) return undefined;
  const start = table.indexOf(` ${address}:${hexOfPort(peer.port)} ${own}:${hexOfPort(peer.ownPort)} `);
  if (start < 0) return undefined;
  const end = table.indexOf("\n", start);
  // proc(5): local_address rem_address st tx:rx tr:tm retrnsmt uid timeout inode
  const inode = table
    .slice(start, end < 0 ? undefined : end)
    .trim()
    .split(/\s+/)[8];
  return inode === undefined || inode === "0" ? undefined : inode;
}

function hexOfPort(port: number): string {
  return port.toString(16).toUpperCase().padStart(4, "0");
}

/** As the kernel prints it: the address's four bytes as a number of this machine. */
function hexOfIpv4(address: string): string | undefined {
  const bytes = address
    .replace(/^::ffff:/, "")
    .split(".")
    .map(Number);
  if (bytes.length !== 4 || bytes.some((byte) => !(byte >= 0 && byte <= 255))) return undefined;
  return (endianness() === "LE" ? bytes.reverse() : bytes).map((byte) => byte.toString(16).toUpperCase().padStart(2, "0")).join("");
}

function hexOfMapped(address: string): string | undefined {
  const last = hexOfIpv4(address);
  return last === undefined ? undefined : `0000000000000000${endianness() === "LE" ? "FFFF0000" : "0000FFFF"}${last}`;
}

/** What a process has open; nothing if this user may not see it. Gives way to others now and then. */
async function* linksOf(pid: number, pace: { links: number }): AsyncGenerator<string> {
  let files: readonly string[];
  try {
    files = readdirSync(`/proc/${pid}/fd`);
  } catch {
    return;
  }
  for (const file of files) {
    if (++pace.links % LINKS_A_TURN === 0) await nextTurn();
    const link = linkOf(`/proc/${pid}/fd/${file}`);
    if (link?.startsWith("socket:") === true) yield link;
  }
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    // Closed meanwhile.
    return undefined;
  }
}

/** `undefined` if there is none to read: the process is gone, belongs to another user, or is about to become another program. */
function readEnvironmentOf(pid: number): Readonly<Record<string, string>> | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/environ`, "utf8");
    if (text === "") return undefined;
    const entries = text.split("\0").map((entry) => [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)] as const);
    return Object.fromEntries(entries);
  } catch {
    return undefined;
  }
}
