/** A figure of a process, with its samples, for /metrics. */
export interface MetricFamily {
  /** `orrery_…`, as Prometheus wants names. */
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge";
  readonly samples: Iterable<{ readonly labels?: Readonly<Record<string, string>>; readonly value: number }>;
}

/** Asked each time that /metrics is read. */
export type MetricSource = () => Iterable<MetricFamily>;

export function gauge(name: string, help: string, value: number): MetricFamily {
  return { name, help, type: "gauge", samples: [{ value }] };
}

export function counter(name: string, help: string, value: number): MetricFamily {
  return { name, help, type: "counter", samples: [{ value }] };
}
