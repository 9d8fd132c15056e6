import type { CountRow, Severity } from "../../../src/face/views/protocol.ts";
import { useView } from "../api/live.ts";
import { useTexts } from "../texts/index.ts";
import { Shape } from "./State.tsx";

const ORDER: readonly Severity[] = ["critical", "major", "minor", "unknown", "changing", "off", "normal"];

interface StateFilterProps {
  readonly resource: string;
  readonly search?: string;
  /** Severities, with commas; empty: all. */
  readonly value: string;
  readonly onChange: (value: string) => void;
}

/** How many are how; a press shows only those. */
export function StateFilter({ resource, search, value, onChange }: StateFilterProps) {
  const t = useTexts("frame");
  const { rows, isStale } = useView<CountRow>({ of: "counts", resource, by: "state", ...(search !== undefined && { search }) });
  const chosen = new Set(value === "" ? [] : value.split(","));
  const counts = new Map(rows.map(({ row }) => [row.value, row.count]));
  const shown = ORDER.filter((severity) => (counts.get(severity) ?? 0) > 0 || chosen.has(severity));
  const toggle = (severity: Severity): void => {
    const next = new Set(chosen);
    if (!next.delete(severity)) next.add(severity);
    onChange(ORDER.filter((one) => next.has(one)).join(","));
  };
  return (
    <div className={`state-filter${isStale ? " is-stale" : ""}`} role="group" aria-label={t("byState")}>
      {shown.map((severity) => (
        <button key={severity} type="button" className="state-chip" aria-pressed={chosen.has(severity)} onClick={() => toggle(severity)}>
          <Shape severity={severity} />
          <span>{t(`severities.${severity}`)}</span>
          <b>{counts.get(severity) ?? 0}</b>
        </button>
      ))}
    </div>
  );
}
