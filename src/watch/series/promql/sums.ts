/** A sum that remembers what was lost in rounding (Kahan, Neumaier): in the order and with the roundings of Prometheus, so that results are the same to the last bit. */
export class KahanSum {
  sum: number;
  rest = 0;

  constructor(start = 0) {
    this.sum = start;
  }

  add(value: number): void {
    const { sum } = this;
    const next = sum + value;
    if (next === Number.POSITIVE_INFINITY || next === Number.NEGATIVE_INFINITY) this.rest = 0;
    else if (Math.abs(sum) >= Math.abs(value)) this.rest += sum - next + value;
    else this.rest += value - next + sum;
    this.sum = next;
  }
}

/** The mean of values that come one after the other; where their sum is too large for a number, by the mean so far. */
export class RunningMean {
  #count = 1;
  #sum: KahanSum;
  #mean: number | undefined;

  constructor(first: number) {
    this.#sum = new KahanSum(first);
  }

  add(value: number): void {
    this.#count += 1;
    const count = this.#count;
    if (this.#mean === undefined) {
      const { sum, rest } = this.#sum;
      this.#sum.add(value);
      if (Math.abs(this.#sum.sum) !== Number.POSITIVE_INFINITY) return;
      this.#mean = sum / (count - 1);
      this.#sum.rest = rest / (count - 1);
    }
    const q = (count - 1) / count;
    const step = new KahanSum(q * this.#mean);
    step.rest = q * this.#sum.rest;
    step.add(value / count);
    this.#mean = step.sum;
    this.#sum.rest = step.rest;
  }

  get value(): number {
    if (this.#mean !== undefined) return this.#mean + this.#sum.rest;
    return this.#sum.sum / this.#count + this.#sum.rest / this.#count;
  }
}

/** The quantile `q` of `values`, which are sorted by it; between two of them, in proportion. NaN is below all. */
export function quantileOf(q: number, values: Float64Array): number {
  if (values.length === 0 || Number.isNaN(q)) return Number.NaN;
  if (q < 0) return Number.NEGATIVE_INFINITY;
  if (q > 1) return Number.POSITIVE_INFINITY;
  const nans = values.filter((value) => Number.isNaN(value)).length;
  // Typed arrays sort NaN to the end.
  values.sort();
  const at = (index: number): number => (index < nans ? Number.NaN : (values[index - nans] as number));
  const rank = q * (values.length - 1);
  const lower = Math.max(0, Math.floor(rank));
  const upper = Math.min(values.length - 1, lower + 1);
  const weight = rank - Math.floor(rank);
  return weight === 0 ? at(lower) : at(lower) * (1 - weight) + at(upper) * weight;
}
