/** Label names and values; the metric's name is `__name__`. An empty value is the same as no label. */
export type Labels = Readonly<Record<string, string>>;

export const METRIC_NAME = "__name__";

/** As a sample's value: the series has ended, or whoever observes it no longer sees it. From here on it is absent, until the next sample. No other sample may have this value: it is so near to zero that nothing measures it. */
export const STALE: number = -7 * Number.MIN_VALUE;
