/** What a change of objects, or a request, does in the words of a control room. A role gives each by its name, apart from the right to edit. */
export const ACTIONS = [
  "update",
  "pause",
  "promote",
  "abort",
  "rollback",
  "scale",
  "start",
  "stop",
  "run-script",
  "log-level",
  "acknowledge",
  "shelve",
  "close",
  "forget-gateway",
  "backup",
  "restore",
  "see-secrets",
  "manage-users",
  "escalate",
] as const;
export type Action = (typeof ACTIONS)[number];
