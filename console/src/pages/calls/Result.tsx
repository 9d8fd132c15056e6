import { Shape } from "../../parts/State.tsx";
import { useTexts } from "../../texts/index.ts";
import { codeOf, type GatheredCall, severityOf } from "./recorded.ts";

/** Status and error; what failed with its shape. */
export function Result({ call }: { readonly call: GatheredCall }) {
  const t = useTexts("calls");
  const severity = severityOf(call);
  const { status, method, error } = call;
  return (
    <>
      {severity === undefined ? <span className="no-shape" /> : <Shape severity={severity} />}{" "}
      {status === 0 ? (method === "TCP" ? "TCP" : t("noAnswer")) : status} {error !== undefined && <span className="quiet">{codeOf(error)}</span>}
    </>
  );
}
