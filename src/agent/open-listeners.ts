import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { scanProcesses } from "#/process/index.ts";
import { parseOpenSockets } from "./core/index.ts";
import type { Runner } from "./runner.ts";

/** Tells each runner where its processes listen outside of the loopback. Cheap where nothing does; otherwise it reads the open files of the instances' processes. */
export function findOpenListeners(runners: Iterable<Runner>): void {
  const wanted = new Map([...runners].flatMap((runner) => (runner.session === undefined ? [] : [[runner.session, runner] as const])));
  if (wanted.size === 0) return;
  const open = new Map(["tcp", "tcp6"].flatMap(readTable).map(({ inode, address }) => [inode, address]));
  const found = new Map<number, Set<string>>();
  if (open.size > 0) {
    for (const { pid, session } of scanProcesses()) {
      if (!wanted.has(session)) continue;
      const addresses = found.get(session) ?? new Set();
      for (const inode of socketsOf(pid)) {
        const address = open.get(inode);
        if (address !== undefined) addresses.add(address);
      }
      found.set(session, addresses);
    }
  }
  for (const [session, runner] of wanted) runner.setOpenAddresses([...(found.get(session) ?? [])].sort());
}

function readTable(name: string): ReturnType<typeof parseOpenSockets> {
  try {
    return parseOpenSockets(readFileSync(`/proc/net/${name}`, "utf8"));
  } catch {
    // A machine without IPv6 has no tcp6.
    return [];
  }
}

function socketsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((descriptor) => /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${descriptor}`))?.[1] ?? []);
  } catch {
    return [];
  }
}

function linkOf(file: string): string {
  try {
    return readlinkSync(file);
  } catch {
    return "";
  }
}
