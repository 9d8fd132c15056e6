import { linkTo } from "../../frame/location.ts";
import { useAnswer } from "../../parts/answers.ts";
import { formatMs } from "../../parts/call-figures.ts";
import { Drawer } from "../../parts/Drawer.tsx";
import { PageHead } from "../../parts/PageHead.tsx";
import { Standing } from "../../parts/Standing.tsx";
import { Shape } from "../../parts/State.tsx";
import { useTexts } from "../../texts/index.ts";
import { useCallerName } from "./names.ts";
import { Result } from "./Result.tsx";
import { type CallNode, type RecordedList, type TreeRow, treeRows } from "./recorded.ts";

interface TraceAnswer extends Pick<RecordedList, "isCut" | "missing"> {
  readonly items: readonly CallNode[];
}

/** A request that is over does not change, but for what is recorded late. */
const AGAIN_MS = 30_000;

/** One request as the tree of its calls. `trace` is `-` where a call had none. */
export function TraceDrawer({ trace, domain, onClose }: { readonly trace: string; readonly domain: string; readonly onClose: () => void }) {
  const t = useTexts("calls");
  const isNone = trace === "-";
  const query = new URLSearchParams({ trace, ...(domain !== "" && { domain }) });
  const answer = useAnswer<TraceAnswer>(isNone ? undefined : `/calls/tree?${query}`, AGAIN_MS);
  const rows = treeRows(answer.value?.items ?? []);
  return (
    <Drawer label={t("trace", { id: trace })} of={trace} onClose={onClose}>
      <PageHead level={2} title={t("trace", { id: isNone ? "–" : `${trace.slice(0, 8)}…${trace.slice(-8)}` })} isStale={answer.isStale}>
        {isNone ? t("noTrace") : t("traceAbout")}
      </PageHead>
      {!isNone && (
        <div className="tab-panel">
          <p className="mono small clip" title={trace}>
            <bdi>{trace}</bdi>
          </p>
          {(answer.value?.missing ?? []).map(({ gateway, host, message }) => (
            <p key={gateway} className="small" role="status">
              <Shape severity="minor" /> {t("missingGateway", { gateway, host, message })}
            </p>
          ))}
          <Standing resource={null} live={{ ...answer, total: rows.length }} empty={t("noTree")}>
            <table className="plain-table trace-tree">
              <colgroup>
                <col style={{ width: "40%" }} />
                <col style={{ width: "22%" }} />
                <col style={{ width: "24%" }} />
                <col style={{ width: "14%" }} />
              </colgroup>
              <thead>
                <tr>
                  <th scope="col">{t("call")}</th>
                  <th scope="col">{t("result")}</th>
                  <th scope="col">{t("began")}</th>
                  <th scope="col" className="number">
                    {t("took")}
                  </th>
                </tr>
              </thead>
              <tbody>
                {rows.map((row) => (
                  <Node key={row.key} row={row} />
                ))}
              </tbody>
            </table>
            {answer.value?.isCut === true && <p className="quiet small">{t("traceCut")}</p>}
          </Standing>
        </div>
      )}
    </Drawer>
  );
}

const INDENT_PX = 14;
const DEPTH_MAX = 12;

function Node({ row: { node, depth, from, length, beganMs } }: { readonly row: TreeRow }) {
  const t = useTexts("calls");
  const nameOf = useCallerName();
  const { call, hole, skewMs, candidates } = node;
  const indent = { paddingInlineStart: `${INDENT_PX * Math.min(depth, DEPTH_MAX)}px` };
  if (call === undefined)
    return (
      <tr>
        <td colSpan={4} className="quiet">
          <span style={indent}>
            <Shape severity="unknown" /> {t(`holes.${hole?.why ?? "notRecorded"}`, { instance: hole?.instance ?? "" })}
          </span>
        </td>
      </tr>
    );
  const notes = [
    ...(skewMs === undefined ? [] : [t("skew", { ms: formatMs(skewMs) })]),
    ...(candidates === undefined ? [] : [t("candidates", { count: candidates })]),
  ];
  return (
    <tr>
      <td className="clip" title={`${call.method} ${call.path} · ${call.instance ?? ""}`}>
        <span style={indent}>
          {depth === 0 && <span className="quiet">{nameOf(call.caller)} → </span>}
          {call.service === undefined ? (
            <bdi>{call.host}</bdi>
          ) : (
            <a {...linkTo(`/services?open=default/${encodeURIComponent(call.service)}`)}>{call.service}</a>
          )}{" "}
          <bdi className="quiet mono small">
            {call.method} {call.path}
          </bdi>
        </span>
        {notes.length > 0 && (
          <span className="trace-notes small" style={indent}>
            {notes.join(" · ")}
          </span>
        )}
      </td>
      <td className="clip" title={call.error}>
        <Result call={call} />
      </td>
      <td title={`+${formatMs(beganMs)} · ${call.time}`}>
        <span className="quiet small">+{formatMs(beganMs)}</span>
        <span className="trace-line">
          <span className="trace-bar" style={{ insetInlineStart: `${100 * from}%`, width: `${100 * length}%` }} />
        </span>
      </td>
      <td className="number">{formatMs(call.durationMs)}</td>
    </tr>
  );
}
