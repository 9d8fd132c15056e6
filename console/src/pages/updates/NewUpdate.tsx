import { useState } from "react";
import type { TableRow } from "../../../../src/face/views/protocol.ts";
import { useView } from "../../api/live.ts";
import { createObject } from "../../api/objects.ts";
import { useParam } from "../../frame/location.ts";
import { Ask } from "../../parts/Ask.tsx";
import type { Deeds } from "../../parts/deeds.ts";
import { isOver, type LanesView } from "../../parts/lanes/model.ts";
import { useTexts } from "../../texts/index.ts";

const STRATEGIES = ["", "consistent", "quiescence", "recreate", "rolling", "blueGreen"] as const;

interface NewUpdateProps {
  readonly service: string;
  readonly deeds: Deeds<LanesView | undefined>;
  readonly onClose: () => void;
}

/** Asks which service shall go to which version, and how. */
export function NewUpdate({ service: given, deeds, onClose }: NewUpdateProps) {
  const t = useTexts("updates");
  const [to, setTo] = useParam("to");
  const [service, setService] = useState(given);
  const [strategy, setStrategy] = useState<string>("");
  const [ramp, setRamp] = useState("");
  const [hold, setHold] = useState("30s");
  const [hasGates, setGates] = useState(false);
  const services = useView<TableRow>({ of: "objects", resource: "microservices", search: service, columns: [".status.servedVersion"], limit: 20 });
  const revisions = useView<TableRow>(
    service === ""
      ? undefined
      : {
          of: "objects",
          resource: "revisions",
          fields: `spec.service=${service}`,
          columns: [".spec.template.version"],
          sort: { by: ".metadata.creationTimestamp", descending: true },
          limit: 50,
        },
  );
  const shares = ramp === "" ? [] : ramp.split(/[\s,]+/).map((part) => Number(part.replace("%", "")) / 100);
  const isRampWrong = shares.some((share, index) => !(share > 0 && share <= 1) || share <= (shares[index - 1] ?? 0));
  const isHoldWrong = ramp !== "" && !/^(?:\d+(?:ms|s|m|h))+$/.test(hold);
  const answer = (reason: string): void => {
    const wish = {
      apiVersion: "orrery.dev/v1",
      kind: "Update",
      metadata: { generateName: `${service}-` },
      spec: {
        services: [{ name: service, to }],
        ...(strategy !== "" && { strategy }),
        ...(shares.length > 0 && { strategy: "consistent", ramp: { steps: shares.map((share) => ({ share, hold })) } }),
        ...(shares.length > 0 && hasGates && { gates: {} }),
        ...(reason !== "" && { message: reason }),
      },
    };
    let name = "";
    deeds.run({
      title: t("deedStart", { service, to }),
      send: async () => {
        const made = await createObject<{ readonly metadata: { readonly name: string } }>("updates", wish, reason);
        name = made.metadata.name;
      },
      // It has its own line, with its phase and what it waits for.
      isSeen: (view) => {
        const one = view?.updates.find((update) => update.metadata.name === name);
        return one?.status?.phase !== undefined && (one.status.phase !== "Pending" || (one.status.waits?.length ?? 0) > 0 || isOver(one));
      },
      doneText: t("begun"),
    });
    setTo("");
  };
  return (
    <Ask
      title={t("start")}
      verb={t("startVerb", { service: service === "" ? "…" : service, to: to === "" ? "…" : to })}
      isIncomplete={service === "" || to === "" || isRampWrong || isHoldWrong}
      onAnswer={answer}
      onClose={onClose}
    >
      <label className="field">
        <span>{t("service")}</span>
        <input
          className="input"
          list="services"
          autoComplete="off"
          spellCheck={false}
          value={service}
          onChange={(event) => setService(event.target.value.trim())}
        />
        <datalist id="services">
          {services.rows.map(({ key, row }) => (
            <option key={key} value={row.name} />
          ))}
        </datalist>
      </label>
      <label className="field">
        <span>{t("version")}</span>
        <input
          className="input"
          list="versions"
          autoComplete="off"
          spellCheck={false}
          placeholder={t("versionHint")}
          value={to}
          onChange={(event) => setTo(event.target.value.trim())}
        />
        <datalist id="versions">
          {revisions.rows.map(({ key, row }) => (
            <option key={key} value={row.name}>
              {String(row.cells[0] ?? "")}
            </option>
          ))}
        </datalist>
      </label>
      <label className="field">
        <span>{t("strategy")}</span>
        <select
          className="input"
          value={shares.length > 0 ? "consistent" : strategy}
          disabled={shares.length > 0}
          onChange={(event) => setStrategy(event.target.value)}
        >
          {STRATEGIES.map((one) => (
            <option key={one} value={one}>
              {one === "" ? t("strategyOfManifest") : t(`strategies.${one}`)}
            </option>
          ))}
        </select>
      </label>
      <div className="two">
        <label className="field">
          <span>{t("ramp")}</span>
          <input
            className="input"
            inputMode="decimal"
            placeholder="1, 10, 50"
            aria-invalid={isRampWrong}
            value={ramp}
            onChange={(event) => setRamp(event.target.value)}
          />
        </label>
        <label className="field">
          <span>{t("rampHold")}</span>
          <input
            className="input"
            disabled={ramp === ""}
            aria-invalid={isHoldWrong}
            value={hold}
            onChange={(event) => setHold(event.target.value.trim())}
          />
        </label>
      </div>
      {isRampWrong && (
        <p className="note is-bad" role="alert">
          {t("rampWrong")}
        </p>
      )}
      {ramp !== "" && (
        <label className="check">
          <input type="checkbox" checked={hasGates} onChange={(event) => setGates(event.target.checked)} />
          <span>{t("gates")}</span>
        </label>
      )}
    </Ask>
  );
}
