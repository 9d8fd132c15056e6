import { formatDuration, formatShare } from "#/model/index.ts";
import type { Forecast, ForecastHold } from "#/traffic/update/core/index.ts";
import type { Options } from "./options.ts";
import { count, printData } from "./output.ts";
import { wrap } from "./table.ts";
import { asCalled, type Style, type Terminal } from "./terminal.ts";

/** A forecast with what was asked for; an element of `updates` in `-o json`. */
export interface ToldForecast extends Forecast {
  /** Absent: templates that change become an update by themselves. */
  readonly services?: readonly { readonly name: string; readonly to: string }[];
}

/** Shows forecasts as the options say: for people, or as data. */
export function tellForecasts(terminal: Terminal, told: readonly ToldForecast[], options: Pick<Options, "output">, more: object = {}): void {
  if (options.output === "json" || options.output === "yaml") printData(terminal, options.output, { ...more, updates: told });
  else told.forEach((one, index) => terminal.out(`${index === 0 ? "" : "\n"}${drawForecast(terminal, one).join("\n")}`));
}

const STYLES: Readonly<Record<Forecast["outcome"], Style>> = { begins: "green", waits: "yellow", nothing: "dim", refused: "red", unfit: "red" };

const TITLES = {
  begins: "would begin at once",
  waits: "would wait",
  nothing: "would change nothing",
  refused: "would be refused",
  unfit: "cannot be had",
} as const;

/** A forecast in lines that fit `terminal.columns`: each part with its title, longer ones indented below it. */
export function drawForecast(terminal: Terminal, one: ToldForecast): string[] {
  const changed = one.changes.map(({ service, toVersion }) => `${service} to ${toVersion}`);
  const asked = one.services?.map(({ name, to }) => `${name} to ${to}`) ?? [
    ...changed,
    ...one.refusals.map(({ service, revision }) => `${service} to ${revision}`),
  ];
  const outcome = terminal.paint(STYLES[one.outcome], TITLES[one.outcome]);
  const lines = [`${terminal.paint("bold", `update of ${asked.join(", ")}`)} (${one.strategy}): ${outcome} (dry run)`];
  for (const [title, texts] of partsOf(one)) {
    texts.forEach((text, index) => {
      wrap(asCalled(terminal, text), Math.max(20, terminal.columns - INDENT - 2)).forEach((line, row) => {
        const head = index === 0 && row === 0 ? terminal.paint("bold", `  ${title}`.padEnd(INDENT)) : " ".repeat(row === 0 ? INDENT : INDENT + 2);
        lines.push(head + line);
      });
    });
  }
  return lines;
}

/** Width of the titles. Further lines of a text stand two more to the right. */
const INDENT = 12;

function partsOf(one: ToldForecast): [string, string[]][] {
  const refused: [string, string[]] = [
    "refuses",
    one.refusals.map(
      ({ service, revision, reason, at }) =>
        `${revision}, refused at ${at}: ${reason}. To have it tried again: orrery update ${service} --to VERSION`,
    ),
  ];
  if (one.problem !== undefined) return [["because", [one.problem]]];
  if (one.changes.length === 0)
    return one.refusals.length > 0
      ? [refused]
      : [["because", [`it is served already${one.services === undefined ? ", unless the content of its files has changed since" : ""}`]]];
  const parts: [string, string[]][] = [
    ["starts", startTexts(one)],
    ["switches", [switchText(one)]],
    ["holds", one.held === undefined ? ["nobody"] : holdTexts(one.held)],
    ["stops", stopTexts(one)],
    ["waits for", waitTexts(one)],
    ["beware", one.notPromised.map(({ message }) => message)],
    refused,
  ];
  return parts.filter(([, texts]) => texts.length > 0);
}

function startTexts({ starts }: Forecast): string[] {
  return starts.map(({ service, version, revision, instances, running, readyWithin }) => {
    const name = `${service} ${version} (${revision ?? "a revision made then"})`;
    if (instances === 0)
      return running === 0 ? `none of ${name}: none is wanted` : `none of ${name}: ${count(running, "instance")} of it run already`;
    const more = running === 0 ? "" : ` beside ${running} that run already`;
    return `${count(instances, "instance")} of ${name}${more}; given up if not ready within ${readyWithin}`;
  });
}

function switchText({ ramp, fromGeneration, alongside, replaces }: Forecast): string {
  const beside = alongside.length === 0 ? "" : `, with ${alongside.join(", ")}, whose templates have changed already`;
  const instead =
    replaces === undefined ? "" : `; generation ${replaces.generation} (${replaces.services.join(", ")}) is given up and begun anew together with it`;
  const from = fromGeneration === undefined ? "" : ` from generation ${fromGeneration}`;
  if (ramp === undefined) return `all new transactions at once${from}${beside}${instead}`;
  const steps = ramp.steps.map(({ share, afterMs }, index) => `${formatShare(share)} ${index === 0 ? "first" : `after ${formatDuration(afterMs)}`}`);
  const key = ramp.key === undefined ? "" : `, by ${ramp.key}`;
  const gate =
    ramp.gateRequests === undefined
      ? ""
      : `; back by itself if a gate fails, and waiting for a person with fewer than ${ramp.gateRequests} transactions in a step`;
  return `new transactions${from}: ${steps.join(", ")}, all after ${formatDuration(ramp.allAfterMs)} at the earliest${key}${gate}${beside}${instead}`;
}

function holdTexts({ services, upTo, routes, otherRoutes }: ForecastHold): string[] {
  const first = `new transactions that can reach ${services.join(", ")}, until the running ones are over, at most ${upTo}: then it is given up`;
  const ways = routes.map(({ route, path, isDeclared }) => {
    const way = path.join(" → ");
    return isDeclared ? `route ${route}: ${way}` : `route ${route}: ${way}, which may call anything (its template declares no calls)`;
  });
  const others = otherRoutes.length === 0 ? [] : [`not held: ${otherRoutes.map((route) => `route ${route}`).join(", ")}`];
  return [first, ...(ways.length === 0 ? ["no route leads there"] : ways), ...others];
}

function stopTexts({ stops }: Forecast): string[] {
  if (stops.length === 0) return ["nothing"];
  return stops.map(
    ({ service, version, revision, instances, message }) => `${count(instances, "instance")} of ${service} ${version} (${revision}) ${message}`,
  );
}

const BLOCKS = { begin: "before it begins", switch: "before the switch", end: "before the old ones stop" } as const;

function waitTexts({ waits }: Forecast): string[] {
  return waits.length === 0
    ? ["nothing but its new instances and the gateways"]
    : waits.map(({ blocks, message }) => `${BLOCKS[blocks]}: ${message}`);
}
