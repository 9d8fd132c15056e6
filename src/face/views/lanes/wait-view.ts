/** What an update waits for, as `-o json` tells it. */
export interface WaitView {
  readonly reason: string;
  readonly object: string;
  readonly since: string;
  readonly message: string;
}
