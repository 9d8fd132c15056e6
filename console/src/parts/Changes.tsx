import { useTexts } from "../texts/index.ts";
import "./changes.css";

export interface ChangedField {
  readonly field: string;
  /** Absent: it was not there. */
  readonly before?: string;
  /** Absent: it is gone. */
  readonly after?: string;
}

/** What was, and what is, field by field. */
export function Changes({ changes }: { readonly changes: readonly ChangedField[] }) {
  const t = useTexts("frame");
  return (
    <table className="plain-table changes">
      <thead>
        <tr>
          <th scope="col">{t("field")}</th>
          <th scope="col">{t("before")}</th>
          <th scope="col">{t("after")}</th>
        </tr>
      </thead>
      <tbody>
        {changes.map(({ field, before, after }) => (
          <tr key={field}>
            <td className="mono">{field}</td>
            <td>{before === undefined ? <span className="quiet">–</span> : <del>{before}</del>}</td>
            <td>{after === undefined ? <span className="quiet">–</span> : <ins>{after}</ins>}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
