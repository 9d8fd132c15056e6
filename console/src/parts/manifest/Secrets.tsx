import { useId, useState } from "react";
import { objectPath } from "../../api/objects.ts";
import { send } from "../../api/request.ts";
import { mayAct } from "../../api/session.ts";
import { useTexts } from "../../texts/index.ts";
import { Ask } from "../Ask.tsx";
import type { Deeds } from "../deeds.ts";
import { useModal } from "../useModal.ts";
import type { Target } from "./save.ts";

/** As `GET …/NAME/secrets` tells them. */
interface SecretValues {
  readonly items: readonly { readonly field: string; readonly name: string; readonly value: string }[];
}

interface SecretsProps {
  readonly target: Target;
  readonly run: Deeds<unknown>["run"];
}

/** For who may see secrets: asks before, since the audit is told, and shows them once. They are kept nowhere, and gone with the dialog. */
export function Secrets({ target, run }: SecretsProps) {
  const t = useTexts("manifest");
  const [isAsking, setAsking] = useState(false);
  const [told, setTold] = useState<SecretValues>();
  const { name } = target;
  if (!mayAct("see-secrets")) return null;
  const answer = (reason: string): Promise<string | undefined> =>
    run({
      title: t("deeds.secrets", { name }),
      send: () => send({ path: objectPath(target, "secrets"), reason }),
      onTaken: (values) => setTold(values as SecretValues),
      doneText: t("secretsTold"),
    });
  return (
    <>
      <button type="button" className="button is-bare" onClick={() => setAsking(true)}>
        {t("secrets")}
      </button>
      {isAsking && (
        <Ask title={t("secretsAsk", { name })} verb={t("secretsVerb")} onAnswer={answer} onClose={() => setAsking(false)}>
          <p className="quiet">{t("secretsEffect")}</p>
        </Ask>
      )}
      {told !== undefined && <Values name={name} told={told} onClose={() => setTold(undefined)} />}
    </>
  );
}

function Values({ name, told, onClose }: { readonly name: string; readonly told: SecretValues; readonly onClose: () => void }) {
  const t = useTexts("manifest");
  const frame = useTexts("frame");
  const dialog = useModal();
  const id = useId();
  return (
    <dialog ref={dialog} className="ask" aria-labelledby={id} onClose={onClose}>
      <form method="dialog">
        <h2 id={id}>{t("secretsOf", { name })}</h2>
        {told.items.length === 0 && <p className="quiet">{t("secretsNone")}</p>}
        {told.items.map(({ field, name: one, value }) => (
          <label key={field} className="field">
            <span>
              <bdi>{one}</bdi> <span className="quiet small">{field}</span>
            </span>
            <textarea className="input mono" rows={value.length > 60 || value.includes("\n") ? 4 : 1} readOnly spellCheck={false} value={value} />
          </label>
        ))}
        <div className="ask-answers">
          <button type="submit" className="button is-first">
            {frame("close")}
          </button>
        </div>
      </form>
    </dialog>
  );
}
