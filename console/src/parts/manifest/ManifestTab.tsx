import { lazy, Suspense } from "react";
import { useObject } from "../../api/live.ts";
import { useTexts } from "../../texts/index.ts";
import type { ObjectText } from "./document.ts";
import type { ManifestEditorProps } from "./ManifestEditor.tsx";

// The editor is a third of all that the console loads: whoever does not edit does not wait for it.
const ManifestEditor = lazy(() => import("./ManifestEditor.tsx"));

/** The manifest of an object in its drawer. */
export function ManifestTab(props: Omit<ManifestEditorProps, "object" | "template">) {
  const t = useTexts("frame");
  const { object, isLoading, error } = useObject<ObjectText>(props.resource, props.name, props.namespace === "" ? undefined : props.namespace);
  if (object === undefined)
    return (
      <p className="standing quiet" aria-busy={isLoading}>
        {isLoading ? t("loading") : (error?.message ?? "")}
      </p>
    );
  return (
    <Suspense
      fallback={
        <p className="standing quiet" aria-busy="true">
          {t("loading")}
        </p>
      }
    >
      <ManifestEditor key={object.metadata.uid} {...props} object={object} />
    </Suspense>
  );
}

/** What is to be made, of a template. */
export function NewManifest(props: Omit<ManifestEditorProps, "object"> & { readonly template: string }) {
  const t = useTexts("frame");
  return (
    <Suspense
      fallback={
        <p className="standing quiet" aria-busy="true">
          {t("loading")}
        </p>
      }
    >
      <ManifestEditor {...props} object={undefined} />
    </Suspense>
  );
}
