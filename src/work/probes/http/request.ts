import http from "node:http";
import https from "node:https";

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
  /** True if the body was longer than asked for. */
  readonly isCut: boolean;
}

/** One GET on a connection of its own, past every proxy; reads at most `bodyBytesMax` of the answer. Follows no redirects. Throws the connection's error or the signal's reason. */
export function getOnce(url: URL, options: { readonly bodyBytesMax: number; readonly signal: AbortSignal }): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const { request, Agent } = url.protocol === "https:" ? https : http;
    const agent = new Agent({ keepAlive: false });
    const asked = request(url, { agent, signal: options.signal, headers: { "user-agent": "orrery-probe", accept: "*/*" } }, (answer) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      const finish = (isCut: boolean): void => resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(chunks).toString("utf8"), isCut });
      answer.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes <= options.bodyBytesMax) {
          chunks.push(chunk);
          return;
        }
        finish(true);
        asked.destroy();
      });
      answer.on("end", () => finish(false));
      answer.on("error", reject);
    });
    asked.on("error", (error) => reject(options.signal.aborted ? options.signal.reason : error));
    asked.end();
  });
}
