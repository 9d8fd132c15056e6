import { secretOf } from "./channel.ts";
import type { Send } from "./sender.ts";
import { post } from "./webhook.ts";

/** Tells a webhook that the centre is alive: an alert that always fires, as Prometheus' Watchdog. Whoever listens notices when it stays away; nothing here can tell of its own end. */
export const beat: Send = async (spec, message, signal) => {
  if (spec.webhook === undefined) return;
  const body = JSON.stringify({
    version: "4",
    groupKey: `orrery:${message.channel}:heartbeat`,
    status: "firing",
    receiver: message.channel,
    groupLabels: {},
    commonLabels: {},
    commonAnnotations: {},
    externalURL: "",
    alerts: [
      {
        status: "firing",
        labels: { alertname: "Watchdog", severity: "none" },
        annotations: { summary: "the centre watches" },
        startsAt: new Date(message.atMs).toISOString(),
        endsAt: "0001-01-01T00:00:00Z",
      },
    ],
  });
  await post(spec.webhook.url, body, { key: secretOf(spec, "WEBHOOK_KEY"), authorization: secretOf(spec, "AUTHORIZATION"), message, signal });
};
