import { useAnswer } from "../../parts/answers.ts";

/** What is called, whole, for who may read it: who asked, and who decides. To all others as the Approval tells it. */
export function WholeCall({ name, told }: { readonly name: string; readonly told: string }) {
  const { value } = useAnswer<{ readonly call: string }>(`/approvals/${encodeURIComponent(name)}/call`, EVERY_MS);
  return (
    <p className="quiet">
      <bdi>{value?.call ?? told}</bdi>
    </p>
  );
}

/** It does not change. */
const EVERY_MS = 600_000;
