import { useDeferredValue } from "react";
import type { TableRow } from "../../../../src/face/views/protocol.ts";
import { useView } from "../../api/live.ts";
import { linkTo } from "../../frame/location.ts";
import { useTexts } from "../../texts/index.ts";
import { shortRevision } from "./versions.ts";
import type { Target } from "./wish.ts";

interface TargetRowProps {
  readonly target: Target;
  readonly at: number;
  readonly onChange: (target: Target) => void;
  /** Absent: it is the only one. */
  readonly onRemove?: (() => void) | undefined;
}

/** Shown of what is on offer; more are found by typing. */
const OFFERED_MAX = 6;

/** One service, and to which version: of those that there are, or by name. */
export function TargetRow({ target: { name, to }, at, onChange, onRemove }: TargetRowProps) {
  const t = useTexts("updates");
  const search = useDeferredValue(name);
  const services = useView<TableRow>({
    of: "objects",
    resource: "microservices",
    search,
    columns: [".status.servedRevision"],
    limit: 20,
  });
  const served = services.rows.find(({ row }) => row.name === name)?.row;
  const revisions = useView<TableRow>(
    search === ""
      ? undefined
      : {
          of: "objects",
          resource: "revisions",
          fields: `spec.service=${search}`,
          columns: [".spec.template.version"],
          sort: { by: ".metadata.creationTimestamp", descending: true },
          limit: 50,
        },
  );
  const offered = search === name ? revisions.rows.slice(0, OFFERED_MAX) : [];
  return (
    <div className="target">
      <div className="target-fields">
        <label className="field">
          <span>{t("service")}</span>
          <input
            className="input"
            list={`services-${at}`}
            autoComplete="off"
            spellCheck={false}
            autoCapitalize="none"
            value={name}
            onChange={(event) => onChange({ name: event.target.value.trim(), to })}
          />
          <datalist id={`services-${at}`}>
            {services.rows.map(({ key, row }) => (
              <option key={key} value={row.name} />
            ))}
          </datalist>
        </label>
        <label className="field">
          <span>{t("version")}</span>
          <input
            className="input"
            autoComplete="off"
            spellCheck={false}
            autoCapitalize="none"
            placeholder={t("versionHint")}
            value={to}
            onChange={(event) => onChange({ name, to: event.target.value.trim() })}
          />
        </label>
        {onRemove !== undefined && (
          <button type="button" className="button is-bare" aria-label={t("removeTarget", { service: name })} onClick={onRemove}>
            ×
          </button>
        )}
      </div>
      {(offered.length > 0 || served !== undefined) && (
        <div className="target-offered" role="group" aria-label={t("onOffer")}>
          <span className="quiet small">{t("onOffer")}</span>
          {offered.map(({ key, row }) => (
            <button
              key={key}
              type="button"
              className="button is-small"
              title={row.name}
              aria-pressed={to === row.name}
              onClick={() => onChange({ name, to: row.name })}
            >
              {String(row.cells[0] ?? shortRevision(name, row.name))}
              {served?.cells[0] === row.name && <span className="quiet"> · {t("isServed")}</span>}
            </button>
          ))}
          {served !== undefined && (
            <a className="small" {...linkTo(`/services?open=${served.namespace ?? "default"}/${name}&tab=manifest`)}>
              {t("editTemplate")}
            </a>
          )}
        </div>
      )}
    </div>
  );
}
