import { request } from "node:http";
import type { Duty } from "#/model/index.ts";

const TIMEOUT_MS = 2000;

/** POSTs `{"state": duty}` to an instance; resolves with what went wrong, if anything did. The file $ORRERY_STATE holds the same, so a service that misses this is not lost. */
export function postDuty(port: number, path: string, duty: Duty): Promise<string | undefined> {
  const body = JSON.stringify({ state: duty });
  return new Promise((resolve) => {
    const sent = request(
      {
        host: "127.0.0.1",
        port,
        path,
        method: "POST",
        agent: false,
        timeout: TIMEOUT_MS,
        headers: { "content-type": "application/json", "content-length": Buffer.byteLength(body) },
      },
      (answer) => {
        answer.resume();
        const status = answer.statusCode ?? 0;
        resolve(status >= 200 && status < 300 ? undefined : `POST ${path} answered ${status}, expected 200 to 299`);
      },
    );
    sent.on("timeout", () => sent.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)));
    sent.on("error", (error) => resolve(`POST ${path}: ${error.message}`));
    sent.end(body);
  });
}
