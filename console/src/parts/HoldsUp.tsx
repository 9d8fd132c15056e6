import type { TableRow } from "../../../src/face/views/protocol.ts";
import { useView } from "../api/live.ts";
import { linkTo } from "../frame/location.ts";
import { useTexts } from "../texts/index.ts";

const SHOWN_MAX = 20;

/** Services that are not updated while nobody sees how a Resource is (`notDuring`); nothing where there is none. */
export function HoldsUp({ resource, namespace }: { readonly resource: string; readonly namespace: string }) {
  const t = useTexts("resources");
  const { rows, total, error } = useView<TableRow>({
    of: "objects",
    resource: "microservices",
    namespace,
    filter: { ".spec.notDuring[*].resource": [resource] },
    columns: [".metadata.name"],
    sort: { by: ".metadata.name", descending: false },
    limit: SHOWN_MAX,
  });
  if (error !== undefined || total === 0) return null;
  return (
    <p className="note is-warn" role="status">
      {t("holdsUp", { count: total })}{" "}
      {rows.map(({ key, row }, index) => (
        <span key={key}>
          {index > 0 && ", "}
          <a {...linkTo(`/services?open=${key}`)}>{row.name}</a>
        </span>
      ))}
      {total > rows.length && " …"}
    </p>
  );
}
