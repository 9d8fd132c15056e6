import { useState } from "react";
import { createObject } from "../../api/objects.ts";
import { Ask } from "../../parts/Ask.tsx";
import type { Deeds } from "../../parts/deeds.ts";
import { UpdateForecast } from "../../parts/forecast/UpdateForecast.tsx";
import { isOver, type LanesView } from "../../parts/lanes/model.ts";
import { useTexts } from "../../texts/index.ts";
import { TargetRow } from "./TargetRow.tsx";
import { shortRevision } from "./versions.ts";
import { faultsOf, manifestOf, sharesOf, type UpdateWish, type Way } from "./wish.ts";

const STRATEGIES = ["", "consistent", "quiescence", "recreate", "rolling", "blueGreen"] as const;
/** So many are written into titles. */
const NAMED_MAX = 3;

interface NewUpdateProps {
  readonly first: UpdateWish;
  /** A state of the history is gone to. */
  readonly way?: Way | undefined;
  readonly deeds: Deeds<LanesView | undefined>;
  readonly onClose: () => void;
}

/** Asks which services shall go to which versions, together, and how; and says what that would do. */
export function NewUpdate({ first, way, deeds, onClose }: NewUpdateProps) {
  const t = useTexts("updates");
  const [wish, setWish] = useState(first);
  const set = (change: Partial<UpdateWish>): void => setWish((former) => ({ ...former, ...change }));
  const { targets, strategy, ramp, hold, hasGates, isPaused } = wish;
  const faults = faultsOf(wish);
  const hasRamp = sharesOf(ramp).length > 0;
  const manifest = manifestOf(wish, "");
  const named = targets.map(({ name, to }) => `${name === "" ? "…" : name} → ${to === "" ? "…" : shortRevision(name, to)}`);
  const what = named.length > NAMED_MAX ? `${named.slice(0, NAMED_MAX).join(", ")} …` : named.join(", ");
  const [one, more] = targets;
  const title =
    more === undefined
      ? t("startOne", {
          service: one === undefined || one.name === "" ? "…" : one.name,
          to: one === undefined || one.to === "" ? "…" : shortRevision(one.name, one.to),
        })
      : t("startVerb", { what });
  const answer = (reason: string): Promise<string | undefined> | undefined => {
    const body = manifestOf(wish, reason);
    if (body === undefined) return undefined;
    let name = "";
    return deeds.run({
      title,
      send: async () => {
        const made = await createObject<{ readonly metadata: { readonly name: string } }>("updates", body, reason);
        name = made.metadata.name;
      },
      // It has its own line, with its phase and what it waits for.
      isSeen: (view) => {
        const one = view?.updates.find((update) => update.metadata.name === name);
        return one?.status?.phase !== undefined && (one.status.phase !== "Pending" || (one.status.waits?.length ?? 0) > 0 || isOver(one));
      },
      doneText: t("begun"),
    });
  };
  return (
    <Ask
      title={way === undefined ? t("start") : t(`titles.${way}`)}
      verb={way === "back" ? t("backVerb", { what }) : title}
      isIncomplete={manifest === undefined}
      onAnswer={answer}
      onClose={onClose}
    >
      {targets.length === 0 && <p className="note is-warn">{t("nothingToGoTo")}</p>}
      {targets.map((target, at) => (
        <TargetRow
          // biome-ignore lint/suspicious/noArrayIndexKey: a row is its place
          key={at}
          at={at}
          target={target}
          onChange={(next) => set({ targets: targets.map((one, index) => (index === at ? next : one)) })}
          onRemove={targets.length === 1 ? undefined : () => set({ targets: targets.filter((_, index) => index !== at) })}
        />
      ))}
      <p>
        <button type="button" className="button is-small" onClick={() => set({ targets: [...targets, { name: "", to: "" }] })}>
          {t("oneMore")}
        </button>{" "}
        <span className="quiet small">{t("together")}</span>
      </p>
      {faults.twice !== undefined && (
        <p className="note is-bad" role="alert">
          {t("twice", { service: faults.twice })}
        </p>
      )}
      <label className="field">
        <span>{t("strategy")}</span>
        <select
          className="input"
          value={hasRamp ? "consistent" : strategy}
          disabled={hasRamp}
          onChange={(event) => set({ strategy: event.target.value })}
        >
          {STRATEGIES.map((one) => (
            <option key={one} value={one}>
              {one === "" ? t("strategyOfManifest") : t(`strategies.${one}`)}
            </option>
          ))}
        </select>
      </label>
      <div className="two">
        <label className="field">
          <span>{t("ramp")}</span>
          <input
            className="input"
            inputMode="decimal"
            placeholder="1, 10, 50"
            aria-invalid={faults.ramp}
            value={ramp}
            onChange={(event) => set({ ramp: event.target.value })}
          />
        </label>
        <label className="field">
          <span>{t("rampHold")}</span>
          <input
            className="input"
            disabled={ramp === ""}
            aria-invalid={faults.hold}
            value={hold}
            onChange={(event) => set({ hold: event.target.value.trim() })}
          />
        </label>
      </div>
      {faults.ramp && (
        <p className="note is-bad" role="alert">
          {t("rampWrong")}
        </p>
      )}
      {faults.hold && (
        <p className="note is-bad" role="alert">
          {t("holdWrong")}
        </p>
      )}
      {ramp !== "" && (
        <label className="check">
          <input type="checkbox" checked={hasGates} onChange={(event) => set({ hasGates: event.target.checked })} />
          <span>{t("gates")}</span>
        </label>
      )}
      <label className="check">
        <input type="checkbox" checked={isPaused} onChange={(event) => set({ isPaused: event.target.checked })} />
        <span>{t("pausedFirst")}</span>
      </label>
      <UpdateForecast manifest={manifest} />
    </Ask>
  );
}
