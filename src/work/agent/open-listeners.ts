import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { scanProcesses } from "#/work/process/index.ts";
import { parseOpenSockets } from "./core/index.ts";
import type { Runner } from "./runner.ts";

/** Tells each runner where its processes listen outside of the loopback. Cheap where nothing does; otherwise it reads the open files of the instances' processes. */
export function findOpenListeners(runners: Iterable<Runner>): void {
  const wanted = [...runners].filter((runner) => runner.session !== undefined);
  if (wanted.length === 0) return;
  const open = new Map(["tcp", "tcp6"].flatMap(readTable).map(({ inode, address }) => [inode, address]));
  const all = open.size > 0 ? scanProcesses() : undefined;
  for (const runner of wanted) {
    const addresses = all === undefined ? [] : runner.family(all).flatMap(({ pid }) => socketsOf(pid).flatMap((inode) => open.get(inode) ?? []));
    runner.setOpenAddresses([...new Set(addresses)].sort());
  }
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
