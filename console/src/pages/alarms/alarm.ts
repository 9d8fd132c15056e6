/** Alarms as the kind Alarm has them, and what one may do with them. Pure. */

export interface AlarmObject {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly resource: { readonly kind: string; readonly namespace?: string; readonly name: string };
    readonly type: string;
    readonly qualifier?: string;
  };
  readonly status?: {
    readonly stands?: string;
    readonly severity?: string;
    readonly condition?: string;
    readonly occurrence?: number;
    readonly text?: string;
    readonly action?: string;
    readonly response?: string;
    readonly runbook?: string;
    readonly raisedAt?: string;
    readonly clearedAt?: string;
    readonly unobservedSince?: string;
    readonly flapping?: { readonly since: string; readonly changes: number };
    readonly operator?: { readonly state: string; readonly by?: string; readonly at?: string; readonly message?: string };
    readonly shelved?: { readonly until: string; readonly by: string; readonly message: string };
    readonly suppressed?: { readonly why: string; readonly by: string; readonly message: string; readonly since: string };
    readonly told?: readonly { readonly channel: string; readonly condition: string; readonly severity: string; readonly at: string }[];
    readonly history?: readonly { readonly at: string; readonly what: string; readonly by?: string; readonly message?: string }[];
  };
}

export const OPERATIONS = ["acknowledge", "shelve", "unshelve", "close"] as const;
export type Operation = (typeof OPERATIONS)[number];

/** Which alarms the page shows, by where they stand. */
export const SELECTIONS: Readonly<Record<string, readonly string[]>> = {
  active: ["Unacknowledged", "Acknowledged", "Cleared"],
  shelved: ["Shelved"],
  suppressed: ["Suppressed", "OutOfService"],
  history: ["Over", "Closed"],
};
export type Selection = keyof typeof SELECTIONS;

/** What makes sense for one that stands so; who may do it is another question. */
export function offered(stands: string | undefined): readonly Operation[] {
  switch (stands) {
    case "Unacknowledged":
    case "Cleared":
      return ["acknowledge", "shelve", "close"];
    case "Acknowledged":
      return ["shelve", "close"];
    case "Shelved":
      return ["unshelve", "close"];
    case "Suppressed":
    case "OutOfService":
      return ["close"];
    default:
      return [];
  }
}

/** The action of a role that it takes. */
export function actionOf(operation: Operation): string {
  return operation === "unshelve" ? "shelve" : operation;
}

/** One of those that a deed is about, as it was seen. */
export interface Chosen {
  readonly name: string;
  readonly occurrence?: number | undefined;
  readonly severity?: string | undefined;
}

/** What is sent: what somebody has not seen, nobody acknowledges. */
export function bodyOf(operation: Operation, chosen: readonly Chosen[], message: string, duration: string): object {
  return {
    operation,
    message,
    ...(operation === "shelve" && { for: duration }),
    alarms: chosen.map(({ name, occurrence, severity }) =>
      occurrence === undefined || severity === undefined ? { name } : { name, occurrence, severity },
    ),
  };
}

export interface Operated {
  readonly items: readonly { readonly name: string; readonly outcome: string; readonly message?: string }[];
}

/** Why some were refused; undefined: none was. */
export function refusalOf({ items }: Operated): string | undefined {
  const refused = items.filter(({ outcome }) => outcome === "refused");
  const [first] = refused;
  if (first === undefined) return undefined;
  const why = first.message ?? "refused";
  return refused.length === 1 ? `${first.name}: ${why}` : `${refused.length}: ${why}`;
}
