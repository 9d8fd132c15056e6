import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { MetricFamily, MetricSource } from "#/base/index.ts";

/** The API's own figures, those of the process, and those of `sources`, in Prometheus' text format. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #sources: readonly MetricSource[];
  readonly #requests: Counter<"verb" | "resource" | "code">;
  readonly #seconds: Histogram<"verb" | "resource">;

  constructor(sources: readonly MetricSource[], gauges: { readonly watchers: () => number; readonly inFlight: () => number }) {
    this.#sources = sources;
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    this.#requests = new Counter({
      name: "orrery_api_requests_total",
      help: "Requests answered",
      labelNames: ["verb", "resource", "code"],
      registers,
    });
    this.#seconds = new Histogram({
      name: "orrery_api_request_seconds",
      help: "Time from the head of a request to the end of its answer; watches and other streams are not counted",
      labelNames: ["verb", "resource"],
      buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30],
      registers,
    });
    gauge("orrery_api_watchers", "Open watches", gauges.watchers, registers);
    gauge("orrery_api_requests_in_flight", "Requests being answered, without watches and other streams", gauges.inFlight, registers);
  }

  count(verb: string, resource: string, code: number): void {
    this.#requests.inc({ verb, resource, code });
  }

  time(verb: string, resource: string, seconds: number): void {
    this.#seconds.observe({ verb, resource }, seconds);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** The same as values. */
  async families(): Promise<readonly MetricFamily[]> {
    const own = await this.#registry.getMetricsAsJSON();
    return [...own.flatMap(({ name, help, values }) => familiesOf(name, help, values)), ...this.#sources.flatMap((source) => [...source()])];
  }

  async text(): Promise<string> {
    const own = await this.#registry.metrics();
    return own + this.#sources.flatMap((source) => [...source()].map(formatFamily)).join("");
  }
}

/** A histogram's samples have names of their own. */
function familiesOf(
  name: string,
  help: string,
  values: readonly { readonly value: number; readonly labels: Readonly<Record<string, unknown>>; readonly metricName?: string }[],
): readonly MetricFamily[] {
  return values.map(({ value, labels, metricName = name }) => ({
    name: metricName,
    help,
    type: "gauge",
    samples: [{ labels: Object.fromEntries(Object.entries(labels).map(([label, text]) => [label, String(text)])), value }],
  }));
}

function gauge(name: string, help: string, read: () => number, registers: Registry[]): void {
  new Gauge({
    name,
    help,
    registers,
    collect() {
      this.set(read());
    },
  });
}

function formatFamily({ name, help, type, samples }: MetricFamily): string {
  const lines = [`# HELP ${name} ${help.replaceAll("\n", " ")}`, `# TYPE ${name} ${type}`];
  for (const { labels = {}, value } of samples) {
    const pairs = Object.entries(labels).map(([key, text]) => `${key}=${JSON.stringify(text)}`);
    lines.push(`${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${value}`);
  }
  return `${lines.join("\n")}\n`;
}
