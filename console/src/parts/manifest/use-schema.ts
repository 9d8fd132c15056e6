import { useEffect, useState } from "react";
import { send } from "../../api/request.ts";
import { KindSchema, type Schemas } from "./schema.ts";

let asked: Promise<Schemas> | undefined;

/** What manifests of `kind` may say, as the API tells it; undefined until it has. The editor works without it. */
export function useSchema(kind: string): KindSchema | undefined {
  const [schema, setSchema] = useState<KindSchema>();
  useEffect(() => {
    let isOver = false;
    asked ??= send<Schemas>({ path: "/openapi/v3/apis/orrery.dev/v1" }).catch((error: unknown) => {
      asked = undefined;
      throw error;
    });
    asked.then(
      (schemas) => {
        if (!isOver) setSchema(new KindSchema(schemas, kind));
      },
      () => undefined,
    );
    return () => {
      isOver = true;
    };
  }, [kind]);
  return schema;
}
