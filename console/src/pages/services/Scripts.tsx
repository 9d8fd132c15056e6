import { useState } from "react";
import type { TableRow } from "../../../../src/face/views/protocol.ts";
import { type LiveView, useNow, useObject } from "../../api/live.ts";
import { mayAct } from "../../api/session.ts";
import { linkTo } from "../../frame/location.ts";
import { Age } from "../../parts/Age.tsx";
import { Ask } from "../../parts/Ask.tsx";
import { withoutEscapes } from "../../parts/escapes.ts";
import { Shape } from "../../parts/State.tsx";
import { useTexts } from "../../texts/index.ts";
import { type ApprovalObject, phaseOf } from "../approvals/approval.ts";
import { isGood, type ScriptPart, type ScriptRun } from "./script-run.ts";
import type { ScriptRuns } from "./script-runs.ts";
import type { ServiceObject } from "./service.ts";
import "./services.css";

interface ScriptsProps {
  readonly object: ServiceObject | undefined;
  readonly instances: LiveView<TableRow>;
  readonly runs: ScriptRuns;
}

/** What the platform runs itself, at the start and the end of a process. */
const OWN: readonly string[] = ["start", "stop"];

/** Scripts of the service: run on demand, what they write as it comes, and what came of them. */
export function Scripts({ object, instances, runs }: ScriptsProps) {
  const t = useTexts("services");
  const [asked, setAsked] = useState<string>();
  const [place, setPlace] = useState("");
  const scripts = (object?.spec.template.scripts ?? []).filter(({ name }) => !OWN.includes(name));
  const ready = instances.rows.filter(({ row }) => row.cells[4] === true).map(({ row }) => row.name);
  if (scripts.length === 0 && runs.runs.length === 0) return <p className="standing quiet">{t("scripts.none")}</p>;
  const start = (script: string, reason: string): undefined => {
    runs.start({ script, reason, ...(place === "*" ? { isAll: true } : place === "" ? {} : { instance: place }) });
  };
  return (
    <>
      <table className="plain-table">
        <thead>
          <tr>
            <th scope="col">{t("scripts.script")}</th>
            <th scope="col" className="number" style={{ width: "80px" }}>
              {t("scripts.limit")}
            </th>
            <th scope="col" style={{ width: "96px" }}>
              <span className="only-read">{t("actions")}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {scripts.map(({ name, description, timeout }) => (
            <tr key={name}>
              <td>
                <b>{name}</b> <span className="quiet">{description === undefined ? "" : withoutEscapes(description)}</span>
              </td>
              <td className="number">{timeout}</td>
              <td className="number">
                {mayAct("run-script") && (
                  <button type="button" className="button is-small" onClick={() => setAsked(name)}>
                    {t("scripts.run")}
                  </button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {runs.runs.map((run) => (
        <Run key={run.number} run={run} onEnd={() => runs.end(run.number)} onAgain={(alone) => runs.again(run, alone)} />
      ))}
      {asked !== undefined && (
        <Ask
          title={t("scripts.ask", { script: asked, name: object?.metadata.name ?? "" })}
          verb={t("scripts.runThis", { script: asked })}
          isIncomplete={ready.length === 0}
          onAnswer={(reason) => start(asked, reason)}
          onClose={() => setAsked(undefined)}
        >
          <label className="field">
            <span>{t("scripts.where")}</span>
            <select className="input" value={place} onChange={(event) => setPlace(event.target.value)}>
              <option value="">{t("scripts.oneReady")}</option>
              {ready.map((name) => (
                <option key={name} value={name}>
                  {name}
                </option>
              ))}
              {ready.length > 1 && <option value="*">{t("scripts.everyReady", { count: ready.length })}</option>}
            </select>
          </label>
          <p className="quiet">{ready.length === 0 ? t("scripts.noReady") : t("scripts.effect")}</p>
        </Ask>
      )}
    </>
  );
}

interface RunProps {
  readonly run: ScriptRun;
  readonly onEnd: () => void;
  /** It is asked for again: approved, or alone. */
  readonly onAgain: (alone?: string) => void;
}

function Run({ run, onEnd, onAgain }: RunProps) {
  const t = useTexts("services");
  const isOver = run.is !== "running" && run.is !== "waits";
  return (
    <section className="script-run" aria-label={run.script} aria-busy={run.is === "running"}>
      <p className="script-head">
        <Shape severity={!isOver ? "changing" : isGood(run) ? "normal" : run.is === "ended" ? "off" : "major"} />
        <b>{run.script}</b>
        <span role="status">{headOf(run, t)}</span>
        <span className="quiet small">
          <Age at={run.sinceMs} isAgo />
        </span>
        {run.is === "running" && (
          <button type="button" className="button is-small" onClick={onEnd}>
            {t("scripts.end")}
          </button>
        )}
        {run.waits !== undefined && <Waiting script={run.script} {...run.waits} onAgain={onAgain} />}
      </p>
      {run.parts.map((part) => (
        <Part key={part.instance} part={part} isOne={run.parts.length === 1} />
      ))}
    </section>
  );
}

interface WaitingProps {
  readonly script: string;
  readonly approval: string;
  readonly roles: readonly string[];
  readonly onAgain: (alone?: string) => void;
}

/** What others have to approve first: how that stands, and, once they have, the key that runs it. What it writes goes to who asked for it, so nobody else runs it. */
function Waiting({ script, approval, roles, onAgain }: WaitingProps) {
  const t = useTexts("services");
  const frame = useTexts("frame");
  const { object } = useObject<ApprovalObject>("approvals", approval);
  const now = useNow();
  const [isBreaking, setBreaking] = useState(false);
  const phase = object === undefined ? "Waiting" : phaseOf(object, now);
  const title = t("scripts.runThis", { script });
  return (
    <>
      <a role="status" {...linkTo(`/approvals?open=${encodeURIComponent(approval)}`)}>
        {phase === "Waiting" ? t("scripts.waits", { roles: roles.join(", ") }) : t(`scripts.phases.${phase}`, { defaultValue: phase })}
      </a>
      {phase === "Approved" && (
        <button type="button" className="button is-small is-first" onClick={() => onAgain()}>
          {title}
        </button>
      )}
      {phase === "Waiting" && (
        <button type="button" className="button is-small is-danger" onClick={() => setBreaking(true)}>
          {frame("breakGlass")}
        </button>
      )}
      {isBreaking && (
        <Ask
          title={frame("breakGlassAsk", { title })}
          verb={frame("breakGlassVerb")}
          isDanger
          needsReason
          onAnswer={(reason) => void onAgain(reason)}
          onClose={() => setBreaking(false)}
        >
          <p className="quiet">{frame("breakGlassEffect", { roles: roles.join(", ") })}</p>
        </Ask>
      )}
    </>
  );
}

function Part({ part, isOne }: { readonly part: ScriptPart; readonly isOne: boolean }) {
  const t = useTexts("services");
  const { instance, text, left, end } = part;
  return (
    <>
      <p className="quiet small">
        {instance}
        {end !== undefined && !isOne && ` · ${endOf(end, t)}`}
        {left > 0 && ` · ${t("scripts.left", { count: left })}`}
      </p>
      {text === "" ? (
        end !== undefined && <p className="quiet small">{t("scripts.silent")}</p>
      ) : (
        <pre className="script-out" tabIndex={0} aria-label={t("scripts.output", { instance })}>
          {text.split("\n").map(withoutEscapes).join("\n")}
        </pre>
      )}
    </>
  );
}

function headOf(run: ScriptRun, t: ReturnType<typeof useTexts>): string {
  if (run.is === "running") return t("scripts.running");
  if (run.is === "failed") return t("scripts.failed", { why: run.why ?? "" });
  if (run.is === "ended") return t("scripts.ended");
  if (run.is === "waits") return "";
  const [only] = run.parts;
  if (run.parts.length === 1 && only?.end !== undefined) return endOf(only.end, t);
  return t("scripts.overAll", { good: run.parts.filter(({ end }) => end?.exitCode === 0).length, count: run.parts.length });
}

function endOf(end: NonNullable<ScriptPart["end"]>, t: ReturnType<typeof useTexts>): string {
  if (end.error !== undefined) return t("scripts.failed", { why: typeof end.error === "string" ? end.error : end.error.message });
  const seconds = ((end.durationMs ?? 0) / 1_000).toFixed(1);
  if (end.timedOut === true) return t("scripts.timedOut", { seconds });
  if (end.exitCode === 0) return t("scripts.done", { seconds });
  return end.exitCode == null ? t("scripts.killed", { signal: end.signal ?? "?", seconds }) : t("scripts.exit", { code: end.exitCode, seconds });
}
