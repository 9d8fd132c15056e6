import { useState } from "react";
import { stream } from "../../api/live.ts";
import { patchObject } from "../../api/objects.ts";
import { Ask } from "../../parts/Ask.tsx";
import type { Deeds } from "../../parts/deeds.ts";
import { useTexts } from "../../texts/index.ts";
import { replacedBy, type SeenService, type ServiceObject } from "./service.ts";

export type Wish = "scale" | "stop" | "start" | "restart";

const REPLICAS_MAX = 1_000;

interface QuestionProps {
  readonly wish: Wish;
  readonly object: ServiceObject;
  readonly run: Deeds<SeenService>["run"];
  readonly onClose: () => void;
}

/** Asks before a service is scaled, stopped, started or restarted, and says what that will do. It is done when it is seen, not when it was sent. */
export function Question({ wish, object, run, onClose }: QuestionProps) {
  const t = useTexts("services");
  const { name, namespace = "default" } = object.metadata;
  const [text, setText] = useState(String(object.spec.replicas));
  const isNumber = /^\d{1,4}$/.test(text) && Number(text) <= REPLICAS_MAX;
  const count = isNumber ? Number(text) : 0;
  const now = object.status?.readyReplicas ?? 0;

  const answer = (reason: string): Promise<string | undefined> => {
    const patch = (spec: unknown): Promise<unknown> => patchObject({ resource: "microservices", namespace, name }, { spec }, reason);
    const title = t(`deeds.${wish}`, { name, count });
    let written: ServiceObject | undefined;
    const onTaken = (taken: unknown): void => {
      if (isService(taken)) written = taken;
    };
    // Whoever asked for it first is told that it holds no longer.
    const failure = ({ object: seen }: SeenService): string | undefined => {
      const by = written === undefined ? undefined : replacedBy(written, seen);
      if (by === undefined || seen === undefined) return undefined;
      return t(by === "" ? "replaced" : "replacedBy", { by, count: seen.spec.suspended ? 0 : seen.spec.replicas });
    };
    if (wish === "scale") {
      return run({
        title,
        onTaken,
        failure,
        send: () => patch({ replicas: count }),
        isSeen: ({ object: seen }) => hasReady(seen, count),
        doneText: t("readyNow", { count }),
      });
    } else if (wish === "stop") {
      return run({
        title,
        onTaken,
        failure,
        send: () => patch({ suspended: true }),
        isSeen: ({ object: seen, instances }) => seen?.spec.suspended === true && instances.length === 0,
        doneText: t("stoppedNow"),
      });
    } else if (wish === "start") {
      const { replicas } = object.spec;
      return run({
        title,
        onTaken,
        failure,
        send: () => patch({ suspended: false }),
        isSeen: ({ object: seen }) => hasReady(seen, replicas),
        doneText: t("readyNow", { count: replicas }),
      });
    } else {
      const at = new Date(stream.now()).toISOString();
      const isSeen = ({ object: seen, instances }: SeenService): boolean =>
        seen?.spec.restartedAt === at && instances.every(({ cells }) => cells[4] === true && String(cells[8] ?? "") >= at.slice(0, 19));
      return run({ title, send: () => patch({ restartedAt: at }), isSeen, doneText: t("restartedNow") });
    }
  };

  return (
    <Ask
      title={t(`asks.${wish}`, { name })}
      verb={wish === "scale" ? t("verbs.scaleTo", { count }) : t(`verbs.${wish}`)}
      isDanger={wish === "stop" || (wish === "scale" && count === 0)}
      isIncomplete={wish === "scale" && (!isNumber || count === object.spec.replicas)}
      onAnswer={answer}
      onClose={onClose}
    >
      {wish === "scale" && (
        <label className="field">
          <span>{t("wanted", { wanted: object.spec.replicas, ready: now })}</span>
          <input className="input" inputMode="numeric" value={text} onChange={(event) => setText(event.target.value.trim())} />
        </label>
      )}
      <p className="quiet">{t(`effects.${wish}`, { name, count: now })}</p>
    </Ask>
  );
}

function hasReady(object: ServiceObject | undefined, count: number): boolean {
  return (
    object?.spec.replicas === count &&
    !object.spec.suspended &&
    (object.status?.replicas ?? 0) === count &&
    (object.status?.readyReplicas ?? 0) === count
  );
}

/** What the API answers; while something waits for others it is none. */
function isService(answer: unknown): answer is ServiceObject {
  const { spec } = (answer ?? {}) as { readonly spec?: { readonly replicas?: unknown } };
  return typeof spec?.replicas === "number";
}
