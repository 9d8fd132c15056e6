import { useMemo } from "react";
import { useObject } from "../../api/live.ts";
import { useParam } from "../../frame/location.ts";
import { type Answer, useAnswer } from "../../parts/answers.ts";
import { Plain } from "../../parts/Plain.tsx";
import type { PlotWish } from "../../parts/plot/PlotPanel.tsx";
import { useTexts } from "../../texts/index.ts";
import { Board, type BoardTime } from "./Board.tsx";
import { ownBoard } from "./boards.ts";

export interface DashboardObject {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly title?: string;
    readonly description?: string;
    readonly variables?: readonly Variable[];
    readonly plots: readonly PlotWish[];
  };
}

interface Variable {
  readonly name: string;
  readonly of: string;
  readonly label: string;
}

/** Somebody's own plots, an object of kind Dashboard. What is chosen for its variables stands in the address. */
export function OwnBoard({ name, time }: { readonly name: string; readonly time: BoardTime }) {
  const t = useTexts("monitoring");
  const { object, isLoading, error } = useObject<DashboardObject>("dashboards", name);
  const [choice, setChoice] = useParam("choice");
  const chosen = useMemo(() => readChoice(choice), [choice]);
  const variables = object?.spec.variables ?? [];
  const plots = useMemo(() => {
    const all = Object.fromEntries((object?.spec.variables ?? []).map((one) => [one.name, chosen[one.name] ?? ""]));
    return ownBoard(object?.spec.plots ?? [], all, t("any"));
  }, [object, chosen, t]);
  if (object === undefined)
    return (
      <p className="standing quiet" aria-busy={isLoading}>
        {isLoading ? t("loading") : (error?.message ?? t("noSuchBoard", { name }))}
      </p>
    );
  return (
    <>
      {object.spec.description !== undefined && (
        <p className="quiet about-board">
          <Plain text={object.spec.description} />
        </p>
      )}
      {variables.length > 0 && (
        <div className="tools">
          {variables.map((variable) => (
            <Choice
              key={variable.name}
              variable={variable}
              value={chosen[variable.name] ?? ""}
              onChange={(value) => setChoice(writeChoice({ ...chosen, [variable.name]: value }))}
            />
          ))}
        </div>
      )}
      <Board plots={plots} time={time} />
    </>
  );
}

const VALUES_EVERY_MS = 60_000;

function Choice({ variable, value, onChange }: { readonly variable: Variable; readonly value: string; readonly onChange: (value: string) => void }) {
  const t = useTexts("monitoring");
  const path = `/prometheus/api/v1/label/${encodeURIComponent(variable.label)}/values?match[]=${encodeURIComponent(variable.of)}`;
  const told: Answer<{ readonly data: readonly string[] }> = useAnswer(path, VALUES_EVERY_MS);
  const known = told.value?.data ?? [];
  return (
    <label className="facet">
      <span className="quiet small">{variable.name}</span>{" "}
      <select className="input" value={value} onChange={(event) => onChange(event.target.value)}>
        <option value="">{t("any")}</option>
        {value !== "" && !known.includes(value) && <option value={value}>{value}</option>}
        {known.map((one) => (
          <option key={one} value={one}>
            {one}
          </option>
        ))}
      </select>
    </label>
  );
}

function readChoice(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries([...new URLSearchParams(text)].filter(([, value]) => value !== ""));
}

function writeChoice(choice: Readonly<Record<string, string>>): string {
  return new URLSearchParams(Object.entries(choice).filter(([, value]) => value !== "")).toString();
}
