import { useView } from "../api/live.ts";
import { useTexts } from "../texts/index.ts";
import { Age } from "./Age.tsx";
import { Standing } from "./Standing.tsx";
import { Shape } from "./State.tsx";

interface EventObject {
  readonly type?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly count?: number;
  readonly lastTimestamp?: string;
  readonly metadata: { readonly creationTimestamp?: string };
}

interface EventListProps {
  readonly kind: string;
  readonly name: string;
  readonly namespace: string;
}

/** What has happened to an object, newest first. */
export function EventList({ kind, name, namespace }: EventListProps) {
  const t = useTexts("frame");
  const live = useView<EventObject>({
    of: "objects",
    resource: "events",
    namespace,
    fields: `involvedObject.kind=${kind},involvedObject.name=${name}`,
    sort: { by: ".lastTimestamp", descending: true },
    limit: 200,
  });
  return (
    <Standing live={live} empty={t("noEvents")}>
      <ul className={`events${live.isStale ? " is-stale" : ""}`}>
        {live.rows.map(({ key, row }) => (
          <li key={key}>
            <span className="quiet small number">
              <Age at={Date.parse(row.lastTimestamp ?? row.metadata.creationTimestamp ?? "")} />
            </span>
            <span>
              {row.type === "Warning" && <Shape severity="minor" />} <b>{row.reason}</b>
              {(row.count ?? 1) > 1 && <span className="quiet"> ×{row.count}</span>} {row.message}
            </span>
          </li>
        ))}
      </ul>
    </Standing>
  );
}
