import { useState } from "react";
import { patchObject } from "../../api/objects.ts";
import { mayAct } from "../../api/session.ts";
import { Ask } from "../../parts/Ask.tsx";
import type { Deeds } from "../../parts/deeds.ts";
import { isOver, type LanesView, type UpdateRecord } from "../../parts/lanes/model.ts";
import { useTexts } from "../../texts/index.ts";

type Steer = "pause" | "resume" | "promote" | "abort";

/** What may be done to an update that is under way, the usual first. What has begun to stop or to hold something ends by itself: it has no place to rest. */
export function Steering({ update, deeds }: { readonly update: UpdateRecord; readonly deeds: Deeds<LanesView | undefined> }) {
  const t = useTexts("updates");
  const [asked, setAsked] = useState<Steer>();
  const { phase = "Pending", strategy } = update.status ?? {};
  const isPaused = update.spec.paused === true;
  const isSwitched = phase === "Draining";
  const canRest = !["Holding", "Draining"].includes(phase) && strategy !== "recreate";
  const offered: readonly (readonly [Steer, boolean])[] = [
    ["resume", isPaused && mayAct("pause")],
    ["promote", !isSwitched && phase !== "Holding" && (update.spec.ramp !== undefined || isPaused) && mayAct("promote")],
    ["pause", !isPaused && canRest && mayAct("pause")],
    ["abort", !isSwitched && mayAct("abort")],
  ];
  const { name, namespace = "default" } = update.metadata;
  const specs: Readonly<Record<Steer, object>> = {
    pause: { paused: true },
    resume: { paused: false },
    promote: { promoted: true, paused: false },
    abort: { aborted: true },
  };
  const find = (view: LanesView | undefined): UpdateRecord | undefined => view?.updates.find((one) => one.metadata.name === name);
  const seen: Readonly<Record<Steer, (view: LanesView | undefined) => boolean>> = {
    pause: (view) => find(view)?.status?.waits?.some(({ reason }) => reason === "Paused") === true,
    resume: (view) => find(view)?.spec.paused !== true && find(view)?.status?.waits?.every(({ reason }) => reason !== "Paused") !== false,
    promote: (view) => ["Draining", "Complete"].includes(find(view)?.status?.phase ?? ""),
    abort: (view) => {
      const one = find(view);
      return one === undefined || isOver(one);
    },
  };
  return (
    <>
      {offered
        .filter(([, isOffered]) => isOffered)
        .map(([steer]) => (
          <button key={steer} type="button" className={`button is-small${steer === "abort" ? " is-danger" : ""}`} onClick={() => setAsked(steer)}>
            {t(`steer.${steer}`)}
          </button>
        ))}
      {asked !== undefined && (
        <Ask
          title={t(`steerAsk.${asked}`, { name })}
          verb={t(`steer.${asked}`)}
          isDanger={asked === "abort"}
          onClose={() => setAsked(undefined)}
          onAnswer={(reason) =>
            deeds.run({
              title: `${t(`steer.${asked}`)}: ${name}`,
              send: () => patchObject({ resource: "updates", namespace, name }, { spec: specs[asked] }, reason),
              isSeen: seen[asked],
              doneText: t(`steered.${asked}`),
            })
          }
        >
          <p className="quiet">{t(`steerEffect.${asked}`)}</p>
        </Ask>
      )}
    </>
  );
}
