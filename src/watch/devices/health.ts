import type { HealthRule } from "./profile.ts";

/** State of a device, for its Resource. */
export type Observed = Readonly<Record<string, unknown>>;
export type Rows = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

type Cells = { readonly columns: Readonly<Record<string, string | number | bigint>> };

/** What is not as the profile's rules want it, one sentence each. What was not seen breaks no rule. Pure. */
export function judgeHealth(
  rules: readonly HealthRule[],
  values: ReadonlyMap<string, string | number>,
  tables: ReadonlyMap<string, ReadonlyMap<string, Cells>>,
): readonly string[] {
  return rules.flatMap((rule) => {
    const { value, table = "", column = "", where, message } = rule;
    if (value !== undefined) return breaks(rule, values.get(value)) ? [`${message}: ${value} is ${words(rule, values.get(value))}`] : [];
    return [...(tables.get(table) ?? [])].flatMap(([row, { columns }]) => {
      const isMeant = Object.entries(where ?? {}).every(([other, wanted]) => String(columns[other]) === String(wanted));
      return isMeant && breaks(rule, columns[column]) ? [`${table} ${row}: ${message}: ${column} is ${words(rule, columns[column])}`] : [];
    });
  });
}

function breaks({ is, isNot, above, below }: HealthRule, value: string | number | bigint | undefined): boolean {
  if (value === undefined) return false;
  const among = (list: readonly (string | number)[]): boolean => list.some((one) => String(one) === String(value));
  if (is !== undefined && among(is)) return true;
  if (isNot !== undefined && !among(isNot)) return true;
  const number = Number(value);
  return (above !== undefined && number > above) || (below !== undefined && number < below);
}

/** A number that changes all the time is not told: the state would be written at each look. */
function words({ above, below }: HealthRule, value: unknown): string {
  if (above !== undefined && Number(value) > above) return `above ${above}`;
  return below !== undefined && Number(value) < below ? `below ${below}` : String(value);
}
