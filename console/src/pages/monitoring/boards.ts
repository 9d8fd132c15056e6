/** What is shown of a site, a host, a service: the plots that matter, in the order in which one asks. Pure. */
import type { PlotWish } from "../../parts/plot/PlotPanel.tsx";
import type { Translate } from "../../texts/index.ts";

/** A value of a label, as PromQL writes it. */
export function quoted(value: string): string {
  return JSON.stringify(value);
}

export function siteBoard(t: Translate): readonly PlotWish[] {
  return [
    { title: t("plots.callRate"), lines: [{ promql: "sum by (service) (rate(call_seconds_count[$range]))" }], unit: "perSecond" },
    { title: t("plots.callErrors"), lines: [{ promql: errorsBy("service", "") }], unit: "share", max: 0.05, limit: 0.05 },
    { title: t("plots.callP95"), lines: [{ promql: percentileBy(0.95, "service", "") }], unit: "seconds" },
    { title: t("plots.inFlight"), lines: [{ promql: "sum by (service) (calls_in_flight)" }], unit: "number" },
    { title: t("plots.cpu"), lines: [{ promql: "avg by (host) (host_cpu_percent)" }], unit: "percent", max: 100, limit: 90 },
    {
      title: t("plots.memory"),
      lines: [{ promql: "1 - sum by (host) (host_memory_available_bytes) / sum by (host) (host_memory_total_bytes)" }],
      unit: "share",
      max: 1,
      limit: 0.9,
    },
    {
      title: t("plots.disk"),
      lines: [{ promql: "max by (host) (1 - host_filesystem_available_bytes / host_filesystem_size_bytes)" }],
      unit: "share",
      max: 1,
      limit: 0.9,
    },
    { title: t("plots.load"), lines: [{ promql: 'sum by (host) (host_load{over="1m"})' }], unit: "number" },
    {
      title: t("plots.platformCpu"),
      lines: [{ promql: "sum by (component, host) (rate(orrery_process_cpu_seconds_total[$range]))" }],
      unit: "share",
    },
    { title: t("plots.platformMemory"), lines: [{ promql: "sum by (component, host) (orrery_process_resident_memory_bytes)" }], unit: "bytes" },
  ];
}

export function hostBoard(t: Translate, host: string): readonly PlotWish[] {
  const of = `host=${quoted(host)}`;
  return [
    {
      title: t("plots.cpu"),
      lines: [{ promql: `avg(host_cpu_percent{${of}})`, legend: t("lines.all") }, ...modes(of)],
      unit: "percent",
      max: 100,
      limit: 90,
    },
    { title: t("plots.processors"), lines: [{ promql: `host_cpu_percent{${of}}`, legend: "CPU {{cpu}}" }], unit: "percent", max: 100 },
    {
      title: t("plots.memory"),
      lines: [
        { promql: `host_memory_total_bytes{${of}} - host_memory_available_bytes{${of}}`, legend: t("lines.used") },
        { promql: `host_memory_total_bytes{${of}}`, legend: t("lines.total") },
        { promql: `host_swap_total_bytes{${of}} - host_swap_free_bytes{${of}}`, legend: t("lines.swap") },
      ],
      unit: "bytes",
    },
    { title: t("plots.load"), lines: [{ promql: `host_load{${of}}`, legend: "{{over}}" }], unit: "number" },
    {
      title: t("plots.disks"),
      lines: [{ promql: `1 - host_filesystem_available_bytes{${of}} / host_filesystem_size_bytes{${of}}`, legend: "{{mount}}" }],
      unit: "share",
      max: 1,
      limit: 0.9,
    },
    {
      title: t("plots.diskBusy"),
      lines: [{ promql: `rate(host_disk_busy_seconds_total{${of}}[$range])`, legend: "{{device}}" }],
      unit: "share",
      max: 1,
    },
    {
      title: t("plots.diskBytes"),
      lines: [
        { promql: `rate(host_disk_read_bytes_total{${of}}[$range])`, legend: `${t("lines.read")} {{device}}` },
        { promql: `rate(host_disk_written_bytes_total{${of}}[$range])`, legend: `${t("lines.written")} {{device}}` },
      ],
      unit: "bytesPerSecond",
    },
    {
      title: t("plots.network"),
      lines: [
        { promql: `rate(host_network_received_bytes_total{${of}}[$range])`, legend: `${t("lines.received")} {{device}}` },
        { promql: `rate(host_network_sent_bytes_total{${of}}[$range])`, legend: `${t("lines.sent")} {{device}}` },
      ],
      unit: "bytesPerSecond",
    },
    { title: t("plots.temperature"), lines: [{ promql: `host_temperature_celsius{${of}}`, legend: "{{sensor}}" }], unit: "celsius" },
    { title: t("plots.instanceCpu"), lines: [{ promql: `sum by (service) (rate(instance_cpu_seconds_total{${of}}[$range]))` }], unit: "share" },
    { title: t("plots.instanceMemory"), lines: [{ promql: `sum by (service) (instance_memory_bytes{${of}})` }], unit: "bytes" },
  ];
}

function modes(of: string): PlotWish["lines"] {
  return [{ promql: `100 * avg by (mode) (rate(host_cpu_seconds_total{${of},mode!~"idle|nice"}[$range]))`, legend: "{{mode}}" }];
}

export function serviceBoard(t: Translate, service: string): readonly PlotWish[] {
  const of = `service=${quoted(service)}`;
  return [
    { title: t("plots.callRate"), lines: [{ promql: `sum by (caller) (rate(call_seconds_count{${of}}[$range]))` }], unit: "perSecond" },
    { title: t("plots.callErrors"), lines: [{ promql: errorsBy("caller", of) }], unit: "share", max: 0.05, limit: 0.05 },
    {
      title: t("plots.callTimes"),
      lines: [0.5, 0.95, 0.99].map((part) => ({ promql: percentileBy(part, "", of), legend: `p${part * 100}` })),
      unit: "seconds",
    },
    { title: t("plots.refused"), lines: [{ promql: `sum by (reason) (rate(calls_refused_total{${of}}[$range]))` }], unit: "perSecond" },
    {
      title: t("plots.instances"),
      lines: [
        { promql: `sum(instance_present{${of}})`, legend: t("lines.present") },
        { promql: `sum(instance_ready{${of}})`, legend: t("lines.ready") },
      ],
      unit: "number",
    },
    {
      title: t("plots.restarts"),
      lines: [{ promql: `sum by (slot) (increase(instance_restarts_total{${of}}[$range]))`, legend: "{{slot}}" }],
      unit: "number",
    },
    {
      title: t("plots.instanceCpu"),
      lines: [{ promql: `sum by (slot) (rate(instance_cpu_seconds_total{${of}}[$range]))`, legend: "{{slot}}" }],
      unit: "share",
    },
    { title: t("plots.instanceMemory"), lines: [{ promql: `sum by (slot) (instance_memory_bytes{${of}})`, legend: "{{slot}}" }], unit: "bytes" },
    { title: t("plots.threads"), lines: [{ promql: `sum by (slot) (instance_threads{${of}})`, legend: "{{slot}}" }], unit: "number" },
    { title: t("plots.files"), lines: [{ promql: `sum by (slot) (instance_open_files{${of}})`, legend: "{{slot}}" }], unit: "number" },
  ];
}

/** Services that are watched together, each with a line of its own. */
export function domainBoard(t: Translate, services: readonly string[]): readonly PlotWish[] {
  const of = `service=~${quoted(services.map(escaped).join("|"))}`;
  return [
    { title: t("plots.callRate"), lines: [{ promql: `sum by (service) (rate(call_seconds_count{${of}}[$range]))` }], unit: "perSecond" },
    { title: t("plots.callErrors"), lines: [{ promql: errorsBy("service", of) }], unit: "share", max: 0.05, limit: 0.05 },
    { title: t("plots.callP95"), lines: [{ promql: percentileBy(0.95, "service", of) }], unit: "seconds" },
    { title: t("plots.inFlight"), lines: [{ promql: `sum by (service) (calls_in_flight{${of}})` }], unit: "number" },
    {
      title: t("plots.notReady"),
      lines: [{ promql: `sum by (service) (instance_present{${of}}) - sum by (service) (instance_ready{${of}})` }],
      unit: "number",
    },
    { title: t("plots.restarts"), lines: [{ promql: `sum by (service) (increase(instance_restarts_total{${of}}[$range]))` }], unit: "number" },
    { title: t("plots.instanceCpu"), lines: [{ promql: `sum by (service) (rate(instance_cpu_seconds_total{${of}}[$range]))` }], unit: "share" },
    { title: t("plots.instanceMemory"), lines: [{ promql: `sum by (service) (instance_memory_bytes{${of}})` }], unit: "bytes" },
  ];
}

/** A name as a regular expression has it. */
function escaped(name: string): string {
  return name.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}

function errorsBy(label: string, of: string): string {
  const sum = (metric: string): string => `sum by (${label}) (rate(${metric}{${of}}[$range]))`;
  return `${sum("call_errors_total")} / (${sum("call_seconds_count")} > 0)`;
}

function percentileBy(part: number, label: string, of: string): string {
  return `histogram_quantile(${part}, sum by (${label === "" ? "le" : `${label}, le`}) (rate(call_seconds_bucket{${of}}[$range])))`;
}

/** What stands in a question for a variable that is not chosen: whatever there is. */
const ANY = ".+";

/** Plots of somebody's own, with what was chosen for their variables put in; `any` stands in titles where nothing was. */
export function ownBoard(plots: readonly PlotWish[], chosen: Readonly<Record<string, string>>, any: string): readonly PlotWish[] {
  const put = (text: string, write: (value: string) => string): string =>
    text.replace(/\$([a-z][A-Za-z0-9_]*)/g, (whole, name: string) => (Object.hasOwn(chosen, name) ? write(chosen[name] ?? "") : whole));
  const inText = (value: string): string => (value === "" ? ANY : quoted(value).slice(1, -1));
  return plots.map((plot) => ({
    ...plot,
    title: put(plot.title, (value) => (value === "" ? any : value)),
    lines: plot.lines.map(({ promql, legend }) => ({ promql: put(promql, inText), legend })),
  }));
}
