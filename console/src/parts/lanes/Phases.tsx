import { useTexts, useWord } from "../../texts/index.ts";
import { Age } from "../Age.tsx";
import { spellOut } from "../durations.ts";
import { isOver, type UpdateRecord } from "./model.ts";

/** What comes of itself after the phase at hand, if nothing goes wrong. */
const USUAL = ["Preparing", "Distributing", "Ramping", "Draining", "Complete"];

/** Where an update is: the phases behind it with how long they took, the one that it is in, those to come. */
export function Phases({ update }: { readonly update: UpdateRecord }) {
  const t = useTexts("updates");
  const frame = useTexts("frame");
  const word = useWord();
  const done = update.status?.phases ?? [];
  const present = done.at(-1)?.phase ?? update.status?.phase ?? "Pending";
  const usual = update.spec.ramp === undefined ? USUAL.filter((phase) => phase !== "Ramping") : USUAL;
  const coming = isOver(update) ? [] : usual.slice(usual.indexOf(present) + 1);
  return (
    <ol className="phases" aria-label={t("phases")}>
      {done.map(({ phase, since, until }, index) => {
        const isPresent = index === done.length - 1;
        const { unit, amount } = spellOut(Date.parse(until ?? since) - Date.parse(since));
        return (
          <li key={`${phase}-${since}`} className={isPresent ? "is-present" : "is-past"} aria-current={isPresent ? "step" : undefined}>
            <b>{word(phase)}</b>
            <span className="quiet small">
              {isPresent && until === undefined && !isOver(update) ? (
                <Age at={Date.parse(since)} />
              ) : until === undefined ? (
                ""
              ) : (
                frame(`units.${unit}`, { amount })
              )}
            </span>
          </li>
        );
      })}
      {coming.map((phase) => (
        <li key={phase} className="is-coming">
          <span>{word(phase)}</span>
        </li>
      ))}
    </ol>
  );
}
