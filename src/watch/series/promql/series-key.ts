import { type Labels, METRIC_NAME } from "./labels.ts";

/** Labels as one text, the same for equal labels: the metric's name, then each label in the order of its name. Sorted keys stand by metric. */
export function keyOf(labels: Labels): string {
  let key = labels[METRIC_NAME] ?? "";
  const names = Object.keys(labels);
  if (names.length > 2) names.sort();
  else if (names.length === 2 && (names[0] as string) > (names[1] as string)) names.reverse();
  for (const name of names) {
    const value = labels[name] as string;
    if (name !== METRIC_NAME && value !== "") key += `\u0000${name}\u0001${value}`;
  }
  return key;
}

export function metricOf(key: string): string {
  const end = key.indexOf("\u0000");
  return end < 0 ? key : key.slice(0, end);
}

export function labelsOf(key: string): Labels {
  const [metric = "", ...pairs] = key.split("\u0000");
  const labels: Record<string, string> = Object.create(null) as Record<string, string>;
  if (metric !== "") labels[METRIC_NAME] = metric;
  for (const pair of pairs) {
    const mark = pair.indexOf("\u0001");
    labels[pair.slice(0, mark)] = pair.slice(mark + 1);
  }
  return labels;
}

const METRIC = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const LABELS_MAX = 40;
const VALUE_CHARACTERS_MAX = 1_024;
const NAME_CHARACTERS_MAX = 200;

/** What is wrong with labels that are to be kept; `undefined`: nothing. */
export function faultOf(labels: Labels): string | undefined {
  const metric = labels[METRIC_NAME];
  if (metric === undefined || metric.length > NAME_CHARACTERS_MAX || !METRIC.test(metric))
    return `a metric's name has 1 to ${NAME_CHARACTERS_MAX} letters, digits, _ and :, and no digit first; found ${JSON.stringify(String(metric).slice(0, 80))}`;
  const names = Object.keys(labels);
  if (names.length > LABELS_MAX) return `at most ${LABELS_MAX} labels; found ${names.length}`;
  for (const name of names) {
    if (name === METRIC_NAME) continue;
    if (name.length > NAME_CHARACTERS_MAX || !LABEL.test(name))
      return `a label's name has 1 to ${NAME_CHARACTERS_MAX} letters, digits and _, and no digit first; found ${JSON.stringify(name.slice(0, 80))}`;
    const value: unknown = labels[name];
    if (
      typeof value !== "string" ||
      value.length > VALUE_CHARACTERS_MAX ||
      value.includes("\u0000") ||
      value.includes("\u0001") ||
      !value.isWellFormed()
    )
      return `the value of label ${name} is text of at most ${VALUE_CHARACTERS_MAX} characters, without control characters 0 and 1`;
  }
  return undefined;
}
