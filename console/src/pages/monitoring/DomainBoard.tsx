import { useMemo } from "react";
import type { TableRow } from "../../../../src/face/views/protocol.ts";
import { useObject, useView } from "../../api/live.ts";
import { Plain } from "../../parts/Plain.tsx";
import { useTexts } from "../../texts/index.ts";
import { Board, type BoardTime } from "./Board.tsx";
import { domainBoard } from "./boards.ts";

interface DomainObject {
  readonly spec: { readonly description?: string; readonly services?: readonly string[]; readonly selector?: string };
}

const SERVICES_MAX = 500;

/** The services of a ServiceDomain: those that it names, and those that have its labels now. */
export function DomainBoard({ name, time }: { readonly name: string; readonly time: BoardTime }) {
  const t = useTexts("monitoring");
  const { object, isLoading, error } = useObject<DomainObject>("servicedomains", name);
  const selector = object?.spec.selector;
  const labelled = useView<TableRow>(
    selector === undefined
      ? undefined
      : { of: "objects", resource: "microservices", where: selector, columns: [".metadata.name"], sort: { by: "name" }, limit: SERVICES_MAX },
  );
  const named = object?.spec.services;
  const services = useMemo(() => [...new Set([...(named ?? []), ...labelled.rows.map(({ row }) => row.name)])].sort(), [named, labelled.rows]);
  const key = services.join(" ");
  // biome-ignore lint/correctness/useExhaustiveDependencies: the same names are the same plots
  const plots = useMemo(() => domainBoard(t, services), [t, key]);
  if (object === undefined || (services.length === 0 && labelled.isLoading))
    return (
      <p className="standing quiet" aria-busy={isLoading}>
        {isLoading || object !== undefined ? t("loading") : (error?.message ?? t("none.domain"))}
      </p>
    );
  return (
    <>
      <p className="quiet about-board">
        {object.spec.description !== undefined && <Plain text={object.spec.description} />} <Plain text={services.join(", ")} />
      </p>
      {services.length === 0 ? <p className="standing quiet">{t("emptyDomain")}</p> : <Board plots={plots} time={time} />}
    </>
  );
}
