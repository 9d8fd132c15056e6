import { useState } from "react";
import { send } from "../../api/request.ts";
import { session } from "../../api/session.ts";
import { useTexts } from "../../texts/index.ts";
import { Ask } from "../Ask.tsx";
import { useAnswer } from "../answers.ts";
import { DeedLine } from "../DeedLine.tsx";
import { useDeed } from "../deeds.ts";
import { Once } from "../Once.tsx";
import { CredentialTable } from "./CredentialTable.tsx";

/** As `GET /tokens` tells it. */
interface TokenRow {
  readonly id: string;
  readonly user: string;
  readonly created: string;
  readonly expires: string;
  readonly usedAt?: string;
  readonly by: string;
  readonly label?: string;
  readonly scope?: readonly { readonly role: string; readonly where?: string }[];
}

interface TokensProps {
  readonly user: string;
  readonly mayEnd: boolean;
  readonly mayMake: boolean;
  /** Roles that a token can be limited to. */
  readonly roles: readonly string[];
}

/** The tokens of somebody's programs: made, seen once, ended one by one. */
export function Tokens({ user, mayEnd, mayMake, roles }: TokensProps) {
  const t = useTexts("credentials");
  const answer = useAnswer<{ readonly items: readonly TokenRow[] }>(`/tokens?user=${encodeURIComponent(user)}`);
  const [ending, setEnding] = useState<TokenRow>();
  const [isMaking, setMaking] = useState(false);
  const [made, setMade] = useState<string>();
  const deeds = useDeed(answer.value?.items);
  const items = answer.value?.items ?? [];
  const end = (one: TokenRow, reason: string): Promise<string | undefined> =>
    deeds.run({
      title: t("endToken", { what: nameOf(one) }),
      send: async () => {
        await send({ method: "DELETE", path: `/tokens/${encodeURIComponent(one.id)}`, reason });
        answer.again();
      },
      isSeen: (seen) => seen?.some(({ id }) => id === one.id) === false,
      doneText: t("ended"),
    });
  const make = (body: object, reason: string): Promise<string | undefined> => {
    let id = "";
    return deeds.run({
      title: t("makeToken"),
      send: async () => {
        const { token, ...view } = await send<TokenRow & { readonly token: string }>({ method: "POST", path: "/tokens", body, reason });
        id = view.id;
        setMade(token);
        answer.again();
      },
      isSeen: (seen) => seen?.some((one) => one.id === id) === true,
      doneText: t("tokenMade"),
    });
  };
  return (
    <>
      <DeedLine deed={deeds.deed} onDismiss={deeds.dismiss} />
      {mayMake && (
        <div className="page-actions">
          <button type="button" className="button" onClick={() => setMaking(true)}>
            {t("makeToken")}
          </button>
        </div>
      )}
      <CredentialTable
        answer={answer}
        heads={{ name: t("token"), about: t("limitedTo") }}
        empty={t("noTokens")}
        command="./orrery token create --ttl 8h"
        mayEnd={mayEnd}
        rows={items.map((one) => ({
          id: one.id,
          name: (
            <>
              <bdi>{nameOf(one)}</bdi> {one.by !== user && <span className="quiet">{t("madeBy", { by: one.by })}</span>}
            </>
          ),
          about: one.scope?.map(({ role, where }) => (where === undefined ? role : `${role} (${where})`)).join(", ") ?? t("asOwner"),
          usedAt: one.usedAt,
          endsAt: one.expires,
          endText: t("endToken", { what: nameOf(one) }),
          onEnd: () => setEnding(one),
        }))}
      />
      {ending !== undefined && (
        <Ask
          title={t("askToken", { what: nameOf(ending) })}
          verb={t("end")}
          isDanger
          onAnswer={(reason) => end(ending, reason)}
          onClose={() => setEnding(undefined)}
        >
          <p className="quiet">{t("effectToken")}</p>
        </Ask>
      )}
      {isMaking && <NewToken user={user} roles={roles} onMake={make} onClose={() => setMaking(false)} />}
      {made !== undefined && (
        <Once title={t("tokenOnce")} value={made} onClose={() => setMade(undefined)}>
          <p className="quiet">{t("tokenOnceNext")}</p>
        </Once>
      )}
    </>
  );
}

function nameOf({ label, id }: TokenRow): string {
  return label ?? id.slice(0, 8);
}

const TTLS = ["8h", "168h", "720h", "8760h"] as const;

interface NewTokenProps {
  readonly user: string;
  readonly roles: readonly string[];
  readonly onMake: (body: object, reason: string) => Promise<string | undefined>;
  readonly onClose: () => void;
}

function NewToken({ user, roles, onMake, onClose }: NewTokenProps) {
  const t = useTexts("credentials");
  const [label, setLabel] = useState("");
  const [ttl, setTtl] = useState<string>(TTLS[0]);
  const [role, setRole] = useState("");
  const [where, setWhere] = useState("");
  const answer = (reason: string): Promise<string | undefined> =>
    onMake(
      {
        ttl,
        ...(label.trim() !== "" && { label: label.trim() }),
        ...(user !== session.me?.name && { user }),
        ...(role !== "" && { scope: [{ role, ...(where.trim() !== "" && { where: where.trim() }) }] }),
      },
      reason,
    );
  return (
    <Ask title={t("makeTokenOf", { user })} verb={t("makeToken")} onAnswer={answer} onClose={onClose}>
      <label className="field">
        <span>{t("label")}</span>
        <input className="input" maxLength={200} value={label} placeholder={t("labelHint")} onChange={(event) => setLabel(event.target.value)} />
      </label>
      <label className="field">
        <span>{t("lives")}</span>
        <select className="input" value={ttl} onChange={(event) => setTtl(event.target.value)}>
          {TTLS.map((one) => (
            <option key={one} value={one}>
              {t(`ttls.${one}`)}
            </option>
          ))}
        </select>
      </label>
      <div className="two">
        <label className="field">
          <span>{t("limitedTo")}</span>
          <select className="input" value={role} onChange={(event) => setRole(event.target.value)}>
            <option value="">{t("asOwner")}</option>
            {roles.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
        <label className="field">
          <span>{t("where")}</span>
          <input
            className="input"
            disabled={role === ""}
            spellCheck={false}
            placeholder="team=flight"
            value={where}
            onChange={(event) => setWhere(event.target.value)}
          />
        </label>
      </div>
      <p className="quiet">{t("tokenEffect")}</p>
    </Ask>
  );
}
