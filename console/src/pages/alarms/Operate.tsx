import { useState } from "react";
import { send } from "../../api/request.ts";
import { mayAct } from "../../api/session.ts";
import { Ask } from "../../parts/Ask.tsx";
import type { Deeds } from "../../parts/deeds.ts";
import { useTexts } from "../../texts/index.ts";
import { actionOf, bodyOf, type Chosen, type Operated, type Operation, refusalOf } from "./alarm.ts";

const TIMES = ["15m", "1h", "2h", "8h", "1d", "7d"];

interface OperateProps {
  readonly chosen: readonly Chosen[];
  /** Those that make sense. */
  readonly operations: readonly Operation[];
  readonly deeds: Pick<Deeds<unknown>, "run">;
}

/** The keys by which one says something to alarms: asked before it is done, since the words stay with the alarm. */
export function Operate({ chosen, operations, deeds }: OperateProps) {
  const t = useTexts("alarms");
  const [asked, setAsked] = useState<Operation>();
  const [duration, setDuration] = useState("2h");
  const count = chosen.length;
  const run = (operation: Operation, message: string): Promise<string | undefined> =>
    deeds.run({
      title: t(`deeds.${operation}`, { count }),
      doneText: t(`done.${operation}`),
      send: async () => {
        const answer = (await send({
          method: "POST",
          path: "/alarms/operate",
          body: bodyOf(operation, chosen, message, duration),
          reason: message,
        })) as Operated;
        const refusal = refusalOf(answer);
        if (refusal !== undefined) throw new Error(refusal);
      },
    });
  return (
    <>
      {operations
        .filter((one) => mayAct(actionOf(one)))
        .map((one, index) => (
          <button key={one} type="button" className={`button${index === 0 ? " is-first" : ""}`} disabled={count === 0} onClick={() => setAsked(one)}>
            {t(`verbs.${one}`, { count })}
          </button>
        ))}
      {asked !== undefined && (
        <Ask
          title={t(`asks.${asked}`, { count })}
          verb={t(`verbs.${asked}`, { count })}
          isDanger={asked === "close"}
          needsReason
          onAnswer={(message) => run(asked, message)}
          onClose={() => setAsked(undefined)}
        >
          <p className="quiet">{t(`effects.${asked}`)}</p>
          {asked === "shelve" && (
            <label className="field">
              <span>{t("for")}</span>
              <select className="input" value={duration} onChange={(event) => setDuration(event.target.value)}>
                {TIMES.map((time) => (
                  <option key={time} value={time}>
                    {t(`spans.${time}`)}
                  </option>
                ))}
              </select>
            </label>
          )}
        </Ask>
      )}
    </>
  );
}
