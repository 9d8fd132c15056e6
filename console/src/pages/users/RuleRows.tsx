import { useTexts } from "../../texts/index.ts";
import { type May, NEW_RULE, type RuleDraft, VERBS } from "./people.ts";

interface RuleRowsProps {
  readonly rules: readonly RuleDraft[];
  readonly onChange: (rules: readonly RuleDraft[]) => void;
}

const MAY: readonly May[] = ["see", "edit", "own"];

/** Which objects may be seen or edited: by kind, name and labels, line by line. */
export function RuleRows({ rules, onChange }: RuleRowsProps) {
  const t = useTexts("users");
  const set = (at: number, next: RuleDraft | undefined): void => onChange(rules.flatMap((one, index) => (index === at ? (next ?? []) : one)));
  return (
    <fieldset className="grants">
      <legend>{t("rulesHint")}</legend>
      {rules.map((rule, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a row is its place
        <div key={at} className="rule">
          <select className="input" aria-label={t("may")} value={rule.may} onChange={(event) => set(at, { ...rule, may: event.target.value as May })}>
            {MAY.map((one) => (
              <option key={one} value={one}>
                {t(`mays.${one}`)}
              </option>
            ))}
          </select>
          {(["kinds", "names", "labels"] as const).map((field) => (
            <input
              key={field}
              className="input"
              aria-label={t(`ruleFields.${field}`)}
              placeholder={t(`rulePlaceholders.${field}`)}
              spellCheck={false}
              autoCapitalize="none"
              value={rule[field]}
              onChange={(event) => set(at, { ...rule, [field]: event.target.value })}
            />
          ))}
          <button type="button" className="button is-bare" aria-label={t("takeRule")} onClick={() => set(at, undefined)}>
            ×
          </button>
          {rule.may === "own" && (
            <div className="action-choice rule-verbs" role="group" aria-label={t("may")}>
              {VERBS.map((verb) => (
                <label key={verb} className="check">
                  <input
                    type="checkbox"
                    checked={rule.verbs.includes(verb)}
                    onChange={(event) =>
                      set(at, { ...rule, verbs: event.target.checked ? [...rule.verbs, verb] : rule.verbs.filter((one) => one !== verb) })
                    }
                  />
                  <code>{verb}</code>
                </label>
              ))}
            </div>
          )}
        </div>
      ))}
      <button type="button" className="button is-small" onClick={() => onChange([...rules, NEW_RULE])}>
        {t("oneMoreRule")}
      </button>
    </fieldset>
  );
}
