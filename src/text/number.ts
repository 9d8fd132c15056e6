/** What is wrong with keeping the number written as `literal` (JSON's or YAML's decimal syntax), whose value is `value`; `undefined` if nothing is.
 *  A program that reads it back must find what was written: no infinity, nothing that has become 0, and from 2^53 on, where not every whole number has a double, the very number. Digits of a fraction may be rounded, as everywhere. */
export function findNumberFault(literal: string, value: number): string | undefined {
  const shown = literal.length > 40 ? `${literal.slice(0, 40)}…` : literal;
  if (!Number.isFinite(value)) return `found ${shown}; allowed: a number that a double can hold`;
  if (value === 0)
    return /^[-+]?[0.]*[1-9]/.test(literal) ? `found ${shown}, which would become 0; allowed: 0, or a number that a double can hold` : undefined;
  if (Math.abs(value) < 2 ** 53) return undefined;
  return decimalOf(literal) === decimalOf(String(value))
    ? undefined
    : `found ${shown}, which would become ${BigInt(value)}; allowed: whole numbers of less than 2^53, or give it as text`;
}

/** Digits without zeros at either end, and the power of ten that the last one counts: equal for equal numbers. */
function decimalOf(literal: string): string {
  const [, whole = "", fraction = "", exponent = "0"] = /^[-+]?(\d*)\.?(\d*)(?:[eE]([-+]?\d+))?$/.exec(literal) ?? [];
  const digits = (whole + fraction).replace(/^0+/, "");
  let end = digits.length;
  while (end > 0 && digits.charCodeAt(end - 1) === 0x30) end--;
  return `${digits.slice(0, end)}e${Number(exponent) - fraction.length + (digits.length - end)}`;
}
