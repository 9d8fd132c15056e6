import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { cpuPercent, parseCpuTicks, parseLoad, parseMemory, parseMounts, parseNetwork, parseUptime } from "./parse.ts";

describe("the kernel's text files", () => {
  it("give the processors' busy share between two readings", () => {
    const before = parseCpuTicks("cpu  100 0 100 700 100 0 0 0 0 0\ncpu0 1 1 1 1\n");
    const after = parseCpuTicks("cpu  150 0 150 1300 200 0 0 0 40 0\n");
    assert.deepEqual(before, { busy: 200, total: 1000 });
    assert.equal(cpuPercent(before, after), 12.5);
    assert.equal(cpuPercent(after, after), 0);
  });

  it("give memory in bytes, and 0 for what is missing", () => {
    assert.deepEqual(parseMemory("MemTotal:       2000 kB\nMemFree:        100 kB\nMemAvailable:    500 kB\nSwapTotal:       0 kB\n"), {
      totalBytes: 2_048_000,
      availableBytes: 512_000,
      swapTotalBytes: 0,
      swapFreeBytes: 0,
    });
  });

  it("give load and uptime", () => {
    assert.deepEqual(parseLoad("0.50 1.25 2.00 1/234 5678\n"), [0.5, 1.25, 2]);
    assert.equal(parseUptime("350735.47 234388.90\n"), 350735.47);
  });

  it("give each interface but the loopback, also where no blank follows the colon", () => {
    const dev = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:  1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0
  eth0:1000 10 2 0 0 0 0 0 500 5 1 0 0 0 0 0
`;
    assert.deepEqual(parseNetwork(dev), [
      { name: "eth0", receivedBytes: 1000, receivedPackets: 10, receiveErrors: 2, sentBytes: 500, sentPackets: 5, sendErrors: 1 },
    ]);
  });

  it("give each disk once, the root first, without pseudo file systems", () => {
    const mounts = `proc /proc proc rw 0 0
/dev/sdb1 /srv/my\\040data ext4 rw 0 0
overlay / overlay rw 0 0
/dev/sda1 /etc/hosts ext4 rw 0 0
/dev/sdb1 /again ext4 rw 0 0
/dev/loop3 /snap/x squashfs ro 0 0
server:/x /mnt nfs4 rw 0 0
tmpfs /run tmpfs rw 0 0
`;
    assert.deepEqual(parseMounts(mounts), [
      { device: "overlay", mount: "/", type: "overlay" },
      { device: "/dev/sdb1", mount: "/srv/my data", type: "ext4" },
    ]);
  });
});
