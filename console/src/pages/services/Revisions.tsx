import { Fragment, useState } from "react";
import type { TableRow } from "../../../../src/face/views/protocol.ts";
import { useView } from "../../api/live.ts";
import { mayAct } from "../../api/session.ts";
import { go } from "../../frame/location.ts";
import { Age } from "../../parts/Age.tsx";
import { Later, Show } from "../../parts/later.tsx";
import { Standing } from "../../parts/Standing.tsx";
import { useTexts } from "../../texts/index.ts";
import { REVISION_PATHS, type RevisionCells, type ServiceObject } from "./service.ts";

// It reads YAML: whoever does not compare does not wait for that.
const difference = new Later(() => import("./RevisionDifference.tsx"), <p aria-busy="true" />);

interface RevisionsProps {
  readonly service: string;
  readonly namespace: string;
  readonly object: ServiceObject | undefined;
}

/** The versions that there are of it, newest first: which one serves, and which one comes. */
export function Revisions({ service, namespace, object }: RevisionsProps) {
  const t = useTexts("services");
  const live = useView<TableRow>({
    of: "objects",
    resource: "revisions",
    namespace,
    fields: `spec.service=${service}`,
    columns: [...REVISION_PATHS],
    sort: { by: ".metadata.creationTimestamp", descending: true },
    limit: 100,
  });
  const { status } = object ?? {};
  const [compared, setCompared] = useState<string>();
  const served = status?.servedRevision;
  return (
    <Standing live={live} empty={t("noRevisions")}>
      <table className={`plain-table${live.isStale ? " is-stale" : ""}`}>
        <thead>
          <tr>
            <th scope="col">{t("version")}</th>
            <th scope="col">{t("revision")}</th>
            <th scope="col" className="number">
              {t("made")}
            </th>
            <th scope="col">
              <span className="only-read">{t("actions")}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {live.rows.map(({ key, row }) => {
            const [version, createdAt] = row.cells as unknown as RevisionCells;
            const isServed = row.name === status?.servedRevision;
            const isComing = !isServed && row.name === status?.revision;
            return (
              <Fragment key={key}>
                <tr>
                  <td>
                    <b>{version ?? "?"}</b> {isServed && <span className="quiet">{t("serves")}</span>}
                    {isComing && <span className="quiet">{t("comes")}</span>}
                  </td>
                  <td className="mono small">{row.name}</td>
                  <td className="number">{createdAt === null ? "–" : <Age at={Date.parse(createdAt)} />}</td>
                  <td className="number one-line">
                    {!isServed && served !== undefined && (
                      <button
                        type="button"
                        className="button is-small is-bare"
                        aria-expanded={compared === row.name}
                        onClick={() => setCompared(compared === row.name ? undefined : row.name)}
                      >
                        {t("differs")}
                      </button>
                    )}
                    {!isServed && mayAct("update") && (
                      <button
                        type="button"
                        className="button is-small"
                        onClick={() => go(`/updates?new=${service}&to=${encodeURIComponent(row.name)}`)}
                      >
                        {t("updateTo", { version: version ?? "?" })}
                      </button>
                    )}
                  </td>
                </tr>
                {compared === row.name && served !== undefined && (
                  <tr className="revision-difference">
                    <td colSpan={4}>
                      <Show of={difference} given={{ from: served, to: row.name, namespace }} />
                    </td>
                  </tr>
                )}
              </Fragment>
            );
          })}
        </tbody>
      </table>
    </Standing>
  );
}
