/** Values of plots as people read them. Pure. */
import { formatShare } from "../numbers.ts";

export type PlotUnit = "number" | "percent" | "share" | "bytes" | "bytesPerSecond" | "seconds" | "perSecond" | "celsius";

const BYTES = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;
const THIN = "\u2009";

/** `12.5 %`, `2.5 GiB/s`, `340 ms`. What is no number is a dash. */
export function formatUnit(value: number, unit: PlotUnit): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "–" : value > 0 ? "+∞" : "−∞";
  switch (unit) {
    case "percent":
      return value >= 0 ? formatShare(value / 100) : `${short(value)}${THIN}%`;
    case "share":
      return value >= 0 ? formatShare(value) : `${short(value * 100)}${THIN}%`;
    case "bytes":
      return bytes(value);
    case "bytesPerSecond":
      return `${bytes(value)}/s`;
    case "perSecond":
      return `${large(value)}/s`;
    case "celsius":
      return `${short(value)}${THIN}°C`;
    case "seconds":
      return seconds(value);
    default:
      return large(value);
  }
}

function short(value: number): string {
  return String(Number(value.toPrecision(3))).replace("-", "−");
}

function bytes(value: number): string {
  let size = Math.abs(value);
  let unit = 0;
  while (size >= 1023.5 && unit < BYTES.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${value < 0 ? "−" : ""}${size < 10 && unit > 0 ? Number(size.toFixed(1)) : Math.round(size)}${THIN}${BYTES[unit]}`;
}

function large(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e12) return `${short(value / 1e12)}${THIN}T`;
  if (size >= 1e9) return `${short(value / 1e9)}${THIN}G`;
  if (size >= 1e6) return `${short(value / 1e6)}${THIN}M`;
  if (size >= 1e4) return `${short(value / 1e3)}${THIN}k`;
  if (size > 0 && size < 0.001) return value.toExponential(1).replace("-", "−");
  return short(value);
}

function seconds(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return `0${THIN}s`;
  if (size < 0.000_999_5) return `${short(value * 1e6)}${THIN}µs`;
  if (size < 0.999_5) return `${short(value * 1e3)}${THIN}ms`;
  if (size < 120) return `${short(value)}${THIN}s`;
  if (size < 7_200) return `${short(value / 60)}${THIN}min`;
  return size < 172_800 ? `${short(value / 3_600)}${THIN}h` : `${short(value / 86_400)}${THIN}d`;
}
