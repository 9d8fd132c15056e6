import { host, snmpAgent, snmpReceiver, snmpUser } from "#/model/index.ts";
import { type CentrePart, Controller, declareController, objectKey, partKind, workerOf } from "#/state/reconcile/index.ts";
import { receiverController } from "./receiver/index.ts";

/** Gives every host an SnmpAgent to set, under its name; it goes with the host. */
const agentController = declareController({
  name: "snmp-agent-controller",
  reads: { hosts: host, agents: snmpAgent },
  writes: [snmpAgent],
  start({ store, caches, clock, random, log }) {
    const controller = new Controller({
      name: "snmp-agent-controller",
      clock,
      random,
      log,
      async reconcile(name) {
        const one = caches.hosts.get(name);
        if (one === undefined || one.metadata.deletionTimestamp !== undefined || caches.agents.get(name) !== undefined) return undefined;
        if ((await store.get(snmpAgent, { name })) !== undefined) return undefined;
        const { apiVersion, kind } = host;
        await store.create(snmpAgent, {
          metadata: { name, ownerReferences: [{ apiVersion, kind, name, uid: one.metadata.uid }] },
          spec: {},
        });
        return undefined;
      },
    });
    const look = (name: string): void => controller.enqueue(name);
    caches.hosts.listen((_, after) => {
      if (after !== undefined) look(objectKey(after));
    });
    caches.agents.listen((before, after) => {
      // Removed by hand, it comes back as it was at first.
      if (after === undefined && before !== undefined) look(objectKey(before));
    });
    return workerOf(controller, {});
  },
});

/** SNMP: what the agents of all hosts are told to do. */
export const snmpPart: CentrePart = {
  name: "snmp",
  description: "The SNMP agents of hosts, and the receiver of traps.",
  kinds: [partKind(snmpUser), partKind(snmpAgent), partKind(snmpReceiver)],
  controllers: [agentController, receiverController],
  rights: [{ who: "agents", verbs: ["update", "patch"], resources: ["snmpagents/status"] }],
};
