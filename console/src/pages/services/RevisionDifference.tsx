import { useObject } from "../../api/live.ts";
import { Difference } from "../../parts/difference/Difference.tsx";
import { yamlOf } from "../../parts/manifest/document.ts";
import { useTexts } from "../../texts/index.ts";

interface RevisionObject {
  readonly spec: { readonly template: unknown; readonly artifact?: string };
}

/** In what two versions differ: their templates, and whether their files are the same. */
export default function RevisionDifference({ from, to, namespace }: { readonly from: string; readonly to: string; readonly namespace: string }) {
  const t = useTexts("services");
  const [one, other] = [useObject<RevisionObject>("revisions", from, namespace), useObject<RevisionObject>("revisions", to, namespace)];
  if (one.object === undefined || other.object === undefined)
    return (
      <p className="quiet" aria-busy={one.isLoading || other.isLoading}>
        {(one.error ?? other.error)?.message ?? ""}
      </p>
    );
  const isSameFiles = one.object.spec.artifact === other.object.spec.artifact;
  return (
    <>
      <Difference before={yamlOf(one.object.spec.template)} after={yamlOf(other.object.spec.template)} label={`${from} → ${to}`} />
      {!isSameFiles && <p className="quiet small">{t("otherFiles")}</p>}
    </>
  );
}
