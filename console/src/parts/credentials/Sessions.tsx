import { useState } from "react";
import { send } from "../../api/request.ts";
import { session as own } from "../../api/session.ts";
import { useTexts } from "../../texts/index.ts";
import { Ask } from "../Ask.tsx";
import { useAnswer } from "../answers.ts";
import { DeedLine } from "../DeedLine.tsx";
import { useDeed } from "../deeds.ts";
import { browserName } from "./browser-name.ts";
import { CredentialTable } from "./CredentialTable.tsx";

/** As `GET /sessions` tells it; times are RFC 3339. */
interface SessionRow {
  readonly id: string;
  readonly user: string;
  readonly created: string;
  readonly expires: string;
  readonly idleAt?: string;
  readonly usedAt: string;
  readonly isDisplay: boolean;
  readonly how: string;
  readonly label?: string;
  readonly browser?: string;
  readonly from?: string;
}

/** Where somebody is logged in, and ends it, one by one. `only`: displays, or what is none. */
export function Sessions({ user, only, mayEnd }: { readonly user: string; readonly only?: "displays" | "people"; readonly mayEnd: boolean }) {
  const t = useTexts("credentials");
  const answer = useAnswer<{ readonly items: readonly SessionRow[] }>(`/sessions?user=${encodeURIComponent(user)}`);
  const [ending, setEnding] = useState<SessionRow>();
  const deeds = useDeed(answer.value?.items);
  const items = (answer.value?.items ?? []).filter(({ isDisplay }) => only === undefined || isDisplay === (only === "displays"));
  const end = (one: SessionRow, reason: string): Promise<string | undefined> =>
    deeds.run({
      title: t("endSession", { what: nameOf(one) }),
      send: async () => {
        await send({ method: "DELETE", path: `/sessions/${encodeURIComponent(one.id)}`, reason });
        answer.again();
      },
      isSeen: (seen) => seen?.some(({ id }) => id === one.id) === false,
      doneText: t("ended"),
    });
  return (
    <>
      <DeedLine deed={deeds.deed} onDismiss={deeds.dismiss} />
      <CredentialTable
        answer={answer}
        heads={{ name: only === "displays" ? t("display") : t("session"), about: t("from") }}
        empty={only === "displays" ? t("noDisplays") : t("noSessions")}
        mayEnd={mayEnd}
        rows={items.map((one) => ({
          id: one.id,
          name: (
            <>
              <bdi title={one.browser}>{nameOf(one)}</bdi>
              {one.id === own.me?.session?.id && <span className="quiet"> · {t("thisOne")}</span>}
            </>
          ),
          about: `${t(`how.${one.how}`)}${one.from === undefined ? "" : ` · ${one.from}`}`,
          usedAt: one.usedAt,
          endsAt: one.idleAt ?? one.expires,
          endText: t("endSession", { what: nameOf(one) }),
          onEnd: () => setEnding(one),
        }))}
      />
      {ending !== undefined && (
        <Ask
          title={t("askSession", { what: nameOf(ending) })}
          verb={t("end")}
          isDanger
          onAnswer={(reason) => end(ending, reason)}
          onClose={() => setEnding(undefined)}
        >
          <p className="quiet">{ending.id === own.me?.session?.id ? t("effectOwn") : t("effectSession", { user })}</p>
        </Ask>
      )}
    </>
  );
}

function nameOf({ label, browser, id }: SessionRow): string {
  return label ?? browserName(browser) ?? id.slice(0, 8);
}
