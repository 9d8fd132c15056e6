import { Shape } from "../../parts/State.tsx";
import { locale, useTexts } from "../../texts/index.ts";
import type { AuditHead } from "./entry.ts";

const MIB = 1_048_576;

/** How the chain itself is: whole and writable, or what a person must look after. */
export function ChainState({ head, isStale, isAmiss }: { readonly head: AuditHead; readonly isStale: boolean; readonly isAmiss: boolean }) {
  const t = useTexts("audit");
  const number = new Intl.NumberFormat(locale());
  const isWell = head.isWritable && head.lost === 0 && head.alarms.length === 0 && !isAmiss;
  return (
    <div className={`chain-state${isStale ? " is-stale" : ""}`} role={isWell ? undefined : "alert"}>
      <p>
        <Shape severity={head.isWritable ? (isWell ? "normal" : "major") : "critical"} />{" "}
        {head.isWritable ? (isWell ? t("chainWell") : t("chainAmiss")) : t("chainFull")}
        <span className="quiet small">
          {" "}
          {t("chainFacts", {
            seq: number.format(head.seq),
            mib: number.format(Math.ceil(head.bytes / MIB)),
            max: number.format(Math.round(head.bytesMax / MIB)),
          })}
          {head.lost > 0 && ` ${t("lost", { lost: number.format(head.lost) })}`}
          {head.head === undefined && ` ${t("unsigned")}`} {t("verify")} <code>./orrery audit verify</code>
        </span>
      </p>
      {head.alarms.map((alarm) => (
        <p key={alarm} className="note is-warn">
          {alarm}
        </p>
      ))}
    </div>
  );
}
