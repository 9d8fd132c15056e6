import fc from "fast-check";

const RANGES = ["30s", "1m", "2m15s", "5m", "17m"] as const;
const BY = [["host"], ["job"], ["host", "job"], ["__name__"], ["le"], []] as const;
const NUMBERS = ["0", "1", "2", "-3", "0.5", "1e3", "NaN", "Inf", "-Inf", "5m", "0x1F"] as const;
const GAUGES = ["temperature", "cpu", "odd"] as const;
const COUNTERS = ["requests_total", "bytes_total"] as const;

/** Expressions of PromQL over the series that `sampleSeries` makes: all that is evaluated, in all combinations, most of them with an answer. */
export const arbitraryPromql: fc.Arbitrary<string> = fc.letrec<{ vector: string; scalar: string; matrix: string; selector: string; labels: string }>(
  (tie) => {
    const matchers = fc.constantFrom("", '{host="a"}', '{host=~"a|b"}', '{host!="b"}', '{job!~"y.*"}', '{host=~".+",job="x"}', '{host=""}');
    const modifiers = fc.constantFrom("", "", "", " offset 1m", " offset -30s", " @ end()", " @ start() offset 2m");
    const name = fc.constantFrom(...GAUGES, ...COUNTERS, "latency_bucket", "absent_metric");
    const simple = fc.tuple(name, matchers).map(([one, more]) => `${one}${more}`);
    // Of equal values it is not said which are the greatest.
    const distinct = fc.constantFrom("cpu", "bytes_total", "rate(bytes_total[5m])", "-cpu", "cpu offset 1m");
    return {
      selector: fc.tuple(simple, modifiers).map(([one, when]) => `${one}${when}`),
      labels: fc.constantFrom(...BY).map((names) => `(${names.join(", ")})`),
      matrix: fc.oneof(
        { weight: 4, arbitrary: fc.tuple(simple, fc.constantFrom(...RANGES), modifiers).map(([one, range, when]) => `${one}[${range}]${when}`) },
        {
          weight: 1,
          arbitrary: fc
            .tuple(tie("vector"), fc.constantFrom("5m:30s", "3m:", "10m:1m"), fc.constantFrom("", " offset 1m"))
            .map(([one, range, when]) => `(${one})[${range}]${when}`),
        },
      ),
      scalar: fc.oneof(
        { depthSize: "small" },
        { weight: 5, arbitrary: fc.constantFrom(...NUMBERS) },
        fc.constantFrom("time()", "pi()"),
        tie("vector").map((one) => `scalar(${one})`),
        fc
          .tuple(fc.constantFrom(...NUMBERS), fc.constantFrom("+", "-", "*", "/", "%", "^", "atan2"), fc.constantFrom(...NUMBERS))
          .map((parts) => `(${parts.join(" ")})`),
      ),
      vector: fc.oneof(
        { depthSize: "small", withCrossShrink: true },
        tie("selector"),
        fc
          .tuple(
            fc.constantFrom(
              ...[
                "rate",
                "increase",
                "delta",
                "irate",
                "idelta",
                "avg_over_time",
                "sum_over_time",
                "min_over_time",
                "max_over_time",
                "count_over_time",
                "deriv",
                "changes",
              ],
              ...["resets", "stddev_over_time", "stdvar_over_time", "last_over_time", "present_over_time", "absent_over_time"],
            ),
            tie("matrix"),
          )
          .map(([one, of]) => `${one}(${of})`),
        fc.tuple(fc.constantFrom("0.5", "0.9", "-1", "2", "NaN"), tie("matrix")).map(([q, of]) => `quantile_over_time(${q}, ${of})`),
        fc.tuple(tie("matrix"), fc.constantFrom("60", "-3600")).map(([of, seconds]) => `predict_linear(${of}, ${seconds})`),
        fc
          .tuple(
            fc.constantFrom("abs", "ceil", "floor", "sqrt", "ln", "exp", "sgn", "round", "timestamp", "absent", "sort", "sort_desc", "deg"),
            tie("vector"),
          )
          .map(([one, of]) => `${one}(${of})`),
        // What is no time has no date here; there it has what the processor makes of it.
        fc.constantFrom("hour", "minute", "day_of_week", "day_of_year", "days_in_month", "year").map((one) => `${one}(temperature * 1e7)`),
        fc.tuple(tie("vector"), tie("scalar"), tie("scalar")).map(([of, low, high]) => `clamp(${of}, ${low}, ${high})`),
        fc
          .tuple(
            fc.constantFrom("sum", "avg", "min", "max", "count", "group", "stddev", "stdvar"),
            fc.constantFrom("by", "without"),
            tie("labels"),
            tie("vector"),
          )
          .map(([op, how, labels, of]) => `${op} ${how} ${labels} (${of})`),
        fc
          .tuple(fc.constantFrom("topk(2", "bottomk(1", "quantile(0.4"), fc.constantFrom("by", "without"), tie("labels"), distinct)
          .map(([op, how, labels, of]) => `${op}, ${of}) ${how} ${labels}`),
        fc.constantFrom("temperature", "requests_total", "odd", "cpu").map((of) => `count_values("v", round(${of}))`),
        fc
          .tuple(tie("vector"), fc.constantFrom("+", "-", "*", "/", "%", "^", "==", "!=", "> bool", "<", ">=", "<= bool"), tie("scalar"))
          .map(([of, op, number]) => `(${of}) ${op} ${number}`),
        fc.tuple(tie("scalar"), fc.constantFrom("-", "/", "<", "== bool"), tie("vector")).map(([number, op, of]) => `${number} ${op} (${of})`),
        fc
          .tuple(
            tie("vector"),
            fc.constantFrom("+", "/", "-", ">", "== bool"),
            fc.constantFrom(
              "",
              "on (host)",
              "ignoring (job)",
              "on (host, job)",
              "on (host) group_left ()",
              "on (host) group_right (job)",
              "ignoring (le) group_left ()",
            ),
            tie("vector"),
          )
          .map(([left, op, how, right]) => `(${left}) ${op} ${how} (${right})`),
        fc
          .tuple(tie("vector"), fc.constantFrom("and", "or", "unless"), fc.constantFrom("", "on (host)", "ignoring (job)"), tie("vector"))
          .map(([left, op, how, right]) => `(${left}) ${op} ${how} (${right})`),
        tie("vector").map((of) => `-(${of})`),
        fc
          .tuple(fc.constantFrom("0.5", "0.99", "0", "1"), fc.constantFrom(...RANGES))
          .map(([q, range]) => `histogram_quantile(${q}, sum by (le, host) (rate(latency_bucket[${range}])))`),
        tie("vector").map((of) => `label_replace(${of}, "dst", "$1-x", "host", "(.*)")`),
        tie("vector").map((of) => `label_join(${of}, "dst", "-", "host", "job")`),
        tie("scalar").map((of) => `vector(${of})`),
      ),
    };
  },
).vector;
