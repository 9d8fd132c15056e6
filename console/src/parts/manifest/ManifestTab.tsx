import { useObject } from "../../api/live.ts";
import { useTexts } from "../../texts/index.ts";
import { Later, Show } from "../later.tsx";
import type { ObjectText } from "./document.ts";
import type { ManifestEditorProps } from "./ManifestEditor.tsx";

// The editor is a third of all that the console loads: whoever does not edit does not wait for it.
const editor = new Later<ManifestEditorProps>(() => import("./ManifestEditor.tsx"), <Loading />);

function Loading() {
  const t = useTexts("frame");
  return (
    <p className="standing quiet" aria-busy="true">
      {t("loading")}
    </p>
  );
}

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
  return <Show key={object.metadata.uid} of={editor} given={{ ...props, object }} />;
}

/** What is to be made, of a template. */
export function NewManifest(props: Omit<ManifestEditorProps, "object"> & { readonly template: string }) {
  return <Show of={editor} given={{ ...props, object: undefined }} />;
}
