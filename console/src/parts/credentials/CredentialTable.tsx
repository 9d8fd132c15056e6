import type { ReactNode } from "react";
import { useTexts } from "../../texts/index.ts";
import { Age } from "../Age.tsx";
import type { Answer } from "../answers.ts";
import { Standing } from "../Standing.tsx";
import { Until } from "../Until.tsx";

/** One of somebody's ways in; times are RFC 3339. */
export interface CredentialRow {
  readonly id: string;
  readonly name: ReactNode;
  readonly about: ReactNode;
  /** Absent: never. */
  readonly usedAt: string | undefined;
  readonly endsAt: string;
  /** What ending it is called. */
  readonly endText: string;
  readonly onEnd: () => void;
}

interface CredentialTableProps {
  readonly answer: Pick<Answer<unknown>, "error" | "isLoading" | "isStale">;
  readonly rows: readonly CredentialRow[];
  readonly heads: { readonly name: string; readonly about: string };
  readonly empty: string;
  readonly command?: string;
  readonly mayEnd: boolean;
}

/** Sessions or tokens: what each is, when it was used, when it ends by itself; ended one by one. */
export function CredentialTable({ answer, rows, heads, empty, command, mayEnd }: CredentialTableProps) {
  const t = useTexts("credentials");
  return (
    <Standing live={{ ...answer, total: rows.length }} empty={empty} resource={null} {...(command !== undefined && { command })}>
      <table className={`plain-table credentials${answer.isStale ? " is-stale" : ""}`}>
        <thead>
          <tr>
            <th scope="col">{heads.name}</th>
            <th scope="col" className="is-wide-cell">
              {heads.about}
            </th>
            <th scope="col" className="number">
              {t("used")}
            </th>
            <th scope="col" className="number">
              {t("ends")}
            </th>
            <th scope="col">
              <span className="only-read">{t("actions")}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ id, name, about, usedAt, endsAt, endText, onEnd }) => (
            <tr key={id}>
              <td>{name}</td>
              <td className="is-wide-cell quiet">{about}</td>
              <td className="number">{usedAt === undefined ? t("never") : <Age at={Date.parse(usedAt)} isAgo />}</td>
              <td className="number">
                <Until at={Date.parse(endsAt)} />
              </td>
              <td className="number">
                {mayEnd && (
                  <button type="button" className="button is-small" aria-label={endText} onClick={onEnd}>
                    {t("end")}
                  </button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Standing>
  );
}
