/** Plurals of the kinds whose objects may hold secrets: entries `{name, value, secret: true}` anywhere in their specs. */
export const SECRET_KINDS: readonly string[] = [
  "alarmchannels",
  "instances",
  "jobs",
  "microservices",
  "resources",
  "revisions",
  "snmpagents",
  "snmpreceivers",
  "snmpusers",
];
