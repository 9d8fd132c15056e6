import { useTexts } from "../../texts/index.ts";
import { Drawer } from "../Drawer.tsx";
import { PageHead } from "../PageHead.tsx";
import { NewManifest } from "./ManifestTab.tsx";
import { TEMPLATES } from "./templates.ts";

/** In the address, in place of a name: no object is called so. */
export const NEW = "+new";

interface NewObjectProps {
  readonly kind: keyof typeof TEMPLATES;
  readonly resource: string;
  /** Empty: its kind has none. */
  readonly namespace?: string;
  readonly onClose: () => void;
  readonly onMade: (name: string) => void;
}

/** A new object from a template, beside the list. */
export function NewObject({ kind, resource, namespace = "default", onClose, onMade }: NewObjectProps) {
  const t = useTexts("manifest");
  return (
    <Drawer label={t("newObject", { kind })} of={NEW} onClose={onClose}>
      <PageHead level={2} title={t("newObject", { kind })}>
        {t("newHint")}
      </PageHead>
      <div className="tab-panel">
        <NewManifest
          kind={kind}
          resource={resource}
          namespace={namespace}
          name=""
          template={TEMPLATES[kind]}
          onMade={({ metadata }) => onMade(metadata.name ?? "")}
        />
      </div>
    </Drawer>
  );
}
