import type { ErrorCode } from "#/base/index.ts";

/** What a supervisor in the background tells the `up` that started it. */
export type SupervisorMessage =
  | { readonly type: "progress"; readonly text: string }
  | { readonly type: "ready" }
  | { readonly type: "failed"; readonly code: ErrorCode; readonly message: string };
