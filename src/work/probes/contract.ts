/** Asking whether something works (a check) and what state it is in (an observation): one folder per protocol, found by the key that the manifest uses. */

/** The instance that a check is about. */
export interface CheckTarget {
  /** Where it listens: 127.0.0.1. */
  readonly address: string;
  /** Number of the named port, of the first one without a name; `undefined` if there is none. */
  port(name: string | undefined): number | undefined;
  /** For `exec`: environment and folder of the instance. */
  readonly env: Readonly<Record<string, string>>;
  readonly workingDir: string;
}

export interface AskOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** `message` says exactly what was asked, found and expected. */
export interface CheckResult {
  readonly isOk: boolean;
  /** No answer came in time: it may be only busy. */
  readonly isUnanswered?: true;
  readonly message: string;
}

/** How one kind of check asks. Never throws for what the target does, only when `signal` aborts. */
export type Check<Action> = (action: Action, target: CheckTarget, options: AskOptions) => Promise<CheckResult>;

/** State of a resource as seen once, or why it could not be seen. */
export type Observation = { readonly observed: Readonly<Record<string, unknown>> } | { readonly error: string };

/** Where a probe runs. */
export interface ProbeContext {
  readonly env: Readonly<Record<string, string>>;
  readonly workingDir: string;
}

/** How one kind of built-in probe looks. Never throws for what it finds, only when `signal` aborts. */
export type Observe<Spec> = (spec: Spec, context: ProbeContext, options: AskOptions) => Promise<Observation>;
