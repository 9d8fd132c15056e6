/** What the frame reads of the Site. */
export interface SiteObject {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly displayName?: string };
  readonly status?: {
    readonly stamp?: {
      readonly generation: number;
      readonly ramp?: { readonly to: number; readonly share: number };
      readonly hold?: { readonly to: number; readonly services: readonly string[]; readonly since: string };
    };
    readonly conditions?: readonly Condition[];
  };
}

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime?: string;
  readonly observedGeneration?: number;
}
