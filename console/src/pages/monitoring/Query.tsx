import { useEffect, useRef } from "react";
import { useParam } from "../../frame/location.ts";
import { PlotPanel } from "../../parts/plot/PlotPanel.tsx";
import type { PlotUnit } from "../../parts/plot/units.ts";
import { useTexts } from "../../texts/index.ts";
import type { BoardTime } from "./Board.tsx";
import { QueryView } from "./query-view.ts";

const UNITS: readonly PlotUnit[] = ["number", "percent", "share", "bytes", "bytesPerSecond", "seconds", "perSecond", "celsius"];
const HEIGHT = 320;

/** A question of one's own, in PromQL. It stands in the address: who gets the link sees the same. */
export default function Query({ time }: { readonly time: BoardTime }) {
  const t = useTexts("monitoring");
  const [asked, setAsked] = useParam("q");
  const [unitText, setUnit] = useParam("unit", "number");
  const unit = UNITS.find((one) => one === unitText) ?? "number";
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<QueryView>(undefined);
  const latest = useRef(setAsked);
  latest.current = setAsked;
  const first = useRef({ text: asked, label: t("question"), hint: t("questionHint") });
  useEffect(() => {
    if (host.current === null) return;
    view.current = new QueryView({ ...first.current, host: host.current, onDone: (text) => latest.current(text, { isStep: true }) });
    return () => view.current?.destroy();
  }, []);
  useEffect(() => {
    if (view.current !== undefined) view.current.text = asked;
  }, [asked]);
  return (
    <>
      <div className="question">
        <div ref={host} className="question-field" />
        <label className="facet">
          <span className="only-read">{t("unit")}</span>
          <select className="input" value={unit} onChange={(event) => setUnit(event.target.value)}>
            {UNITS.map((one) => (
              <option key={one} value={one}>
                {t(`units.${one}`)}
              </option>
            ))}
          </select>
        </label>
        <button type="button" className="button" onClick={() => setAsked(view.current?.text ?? "", { isStep: true })}>
          {t("ask")}
        </button>
      </div>
      {asked === "" ? (
        <div className="standing">
          <p className="quiet">{t("askFirst")}</p>
          <p>
            {EXAMPLES.map((example) => (
              <button key={example} type="button" className="link example" onClick={() => setAsked(example, { isStep: true })}>
                <code>{example}</code>
              </button>
            ))}
          </p>
        </div>
      ) : (
        <div className="plots">
          <PlotPanel key={asked} plot={{ title: asked, unit, wide: true, lines: [{ promql: asked }] }} height={HEIGHT} {...time} />
        </div>
      )}
    </>
  );
}

const EXAMPLES = [
  "avg by (host) (host_cpu_percent)",
  "sum by (service) (rate(call_seconds_count[$range]))",
  "histogram_quantile(0.99, sum by (service, le) (rate(call_seconds_bucket[$range])))",
];
