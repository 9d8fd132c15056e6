import { counter, dateAndTime, gauge, integer, type Oid, oid, oidValue, text, ticks, truth } from "../../wire/index.ts";
import { type MibNode, type Row, scalars, sortRows, table } from "../mib-tree.ts";
import { operStatus } from "./interfaces.ts";
import type { FileSystem, KernelFacts } from "./kernel.ts";

const HR = "1.3.6.1.2.1.25";
const STORAGE = { other: 1, ram: 2, virtual: 3, fixed: 4, network: 10 } as const;
const FS_TYPES: Readonly<Record<string, number>> = { ext2: 23, ext3: 23, ext4: 23, vfat: 5, msdos: 5, ntfs: 9, iso9660: 12, nfs: 14, nfs4: 14 };
const REMOTE_FS = /^(?:nfs|nfs4|cifs|smb3|9p|ceph|glusterfs|lustre|fuse\..*)$/;
/** As net-snmp numbers them, so that managers find what they know. */
const INDEX = { ram: 1, virtual: 3, buffers: 6, cached: 7, swap: 10, disks: 31, processors: 196_608, networks: 262_144 } as const;

interface Storage {
  readonly index: number;
  readonly type: Oid;
  readonly name: string;
  readonly unit: number;
  readonly total: number;
  readonly used: number;
}

interface Device {
  readonly index: number;
  readonly type: number;
  readonly name: string;
  readonly status: number;
  readonly load?: number | undefined;
  readonly interfaceIndex?: number;
}

/** HOST-RESOURCES-MIB (RFC 2790): system, storage, devices, file systems. Programs that run are told by nobody here: ps knows them better. */
export function hostResourcesNodes(facts: () => KernelFacts | undefined, nowMs: () => number): readonly MibNode[] {
  /** A file system keeps its number as long as this process runs. */
  const numbers = new Map<string, number>();
  const numberOf = (mount: string): number => {
    const number = numbers.get(mount) ?? numbers.size;
    numbers.set(mount, number);
    return number;
  };
  const rowsOf = <T extends { readonly index: number }>(list: (facts: KernelFacts) => readonly T[]): (() => readonly Row<T>[]) => {
    let known: readonly Row<T>[] = [];
    let of: KernelFacts | undefined;
    return () => {
      const present = facts();
      if (of !== present) known = present === undefined ? [] : sortRows(list(present).map((one) => ({ index: [one.index], of: one })));
      of = present;
      return known;
    };
  };
  const fileSystems = rowsOf((present) => present.fileSystems.map((one) => ({ ...one, index: numberOf(one.mount) + 1 })));
  const storages = rowsOf((present) => storagesOf(present, numberOf));
  const devices = rowsOf(devicesOf);
  const processors = rowsOf((present) => devicesOf(present).filter(({ type }) => type === 3));
  const networks = rowsOf((present) => devicesOf(present).filter(({ type }) => type === 4));
  return [
    ...scalars(oid(`${HR}.1`), {
      1: () => ifThere(facts(), ({ uptimeS }) => ticks(uptimeS * 100)),
      2: () => dateAndTime(nowMs()),
      5: () => ifThere(facts(), ({ users }) => gauge(users)),
      6: () => ifThere(facts(), ({ processes }) => gauge(processes)),
      7: () => integer(0),
    }),
    ...scalars(oid(`${HR}.2`), { 2: () => ifThere(facts(), ({ memory }) => integer(memory.totalBytes / 1024)) }),
    table(
      oid(`${HR}.2.3.1`),
      {
        1: (one) => integer(one.index),
        2: (one) => oidValue(one.type),
        3: (one) => text(one.name),
        4: (one) => integer(one.unit),
        5: (one) => integer(one.total),
        6: (one) => integer(one.used),
        7: () => counter(0),
      },
      storages,
    ),
    table(
      oid(`${HR}.3.2.1`),
      {
        1: (one) => integer(one.index),
        2: (one) => oidValue([...oid(`${HR}.3.1`), one.type]),
        3: (one) => text(one.name),
        4: () => oidValue([0, 0]),
        5: (one) => integer(one.status),
        6: () => counter(0),
      },
      devices,
    ),
    table(oid(`${HR}.3.3.1`), { 1: () => oidValue([0, 0]), 2: (one) => (one.load === undefined ? undefined : integer(one.load)) }, processors),
    table(oid(`${HR}.3.4.1`), { 1: (one) => integer(one.interfaceIndex ?? 0) }, networks),
    table(
      oid(`${HR}.3.8.1`),
      {
        1: (one) => integer(one.index),
        2: (one) => text(one.mount.slice(0, 128)),
        3: (one) => text(REMOTE_FS.test(one.type) ? one.device.slice(0, 128) : ""),
        4: (one) => oidValue([...oid(`${HR}.3.9`), FS_TYPES[one.type] ?? 1]),
        5: (one) => integer(one.isReadOnly ? 2 : 1),
        6: (one) => truth(one.mount === "/"),
        7: (one) => integer(INDEX.disks + one.index - 1),
        8: () => dateAndTimeNever,
        9: () => dateAndTimeNever,
      },
      fileSystems,
    ),
  ];
}

/** 0-1-1,0:0:0.0, as the RFC says where nobody knows. */
const dateAndTimeNever = { tag: 0x04, value: Buffer.from([0, 0, 1, 1, 0, 0, 0, 0]) } as const;

function ifThere<T, V>(value: T | undefined, read: (value: T) => V): V | undefined {
  return value === undefined ? undefined : read(value);
}

function storagesOf({ memory, buffersBytes, cachedBytes, fileSystems }: KernelFacts, numberOf: (mount: string) => number): readonly Storage[] {
  const { totalBytes, availableBytes, swapTotalBytes, swapFreeBytes } = memory;
  const kibi = (index: number, type: number, name: string, total: number, used: number): Storage => ({
    ...fit(1024, total / 1024, used / 1024),
    index,
    type: [...oid(`${HR}.2.1`), type],
    name,
  });
  const used = totalBytes - availableBytes;
  return [
    kibi(INDEX.ram, STORAGE.ram, "Physical memory", totalBytes, used),
    kibi(INDEX.virtual, STORAGE.virtual, "Virtual memory", totalBytes + swapTotalBytes, used + swapTotalBytes - swapFreeBytes),
    kibi(INDEX.buffers, STORAGE.other, "Memory buffers", totalBytes, buffersBytes),
    kibi(INDEX.cached, STORAGE.other, "Cached memory", totalBytes, cachedBytes),
    ...(swapTotalBytes > 0 ? [kibi(INDEX.swap, STORAGE.virtual, "Swap space", swapTotalBytes, swapTotalBytes - swapFreeBytes)] : []),
    ...fileSystems.flatMap(({ mount, type, size }: FileSystem) =>
      size === undefined
        ? []
        : [
            {
              ...fit(size.unit, size.total, size.total - size.free),
              index: INDEX.disks + numberOf(mount),
              type: [...oid(`${HR}.2.1`), REMOTE_FS.test(type) ? STORAGE.network : type === "tmpfs" ? STORAGE.ram : STORAGE.fixed],
              name: mount,
            },
          ],
    ),
  ];
}

/** Sizes are INTEGERs of 31 bits: what is larger is told in larger units. */
function fit(unit: number, total: number, used: number): { readonly unit: number; readonly total: number; readonly used: number } {
  let [scale, size] = [1, total];
  while (size > 0x7fff_ffff) {
    scale *= 2;
    size /= 2;
  }
  return { unit: unit * scale, total: Math.floor(size), used: Math.floor(used / scale) };
}

function devicesOf({ cpus, cpuCount, interfaces }: KernelFacts): readonly Device[] {
  return [
    ...Array.from({ length: cpuCount }, (_, at) => ({
      index: INDEX.processors + at,
      type: 3,
      name: `Processor ${at}`,
      status: 2,
      load: cpus?.[at],
    })),
    ...interfaces.map((one) => ({
      index: INDEX.networks + one.index,
      type: 4,
      name: `network interface ${one.name}`,
      status: operStatus(one) === 1 ? 2 : 5,
      interfaceIndex: one.index,
    })),
  ];
}
