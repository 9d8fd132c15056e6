import { connect } from "node:net";

/** Sends one line to the antenna at `host`:`port` and returns the line that it answers. Fails after `timeoutMs`. */
export function ask(host: string, port: number, line: string, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    let text = "";
    const fail = (error: Error): void => {
      socket.destroy();
      reject(error);
    };
    socket.setEncoding("utf8");
    socket.setTimeout(timeoutMs, () => fail(new Error(`no answer within ${timeoutMs} ms`)));
    socket.on("error", fail);
    socket.on("connect", () => socket.write(`${line}\n`));
    socket.on("data", (chunk: string) => {
      text += chunk;
      const end = text.indexOf("\n");
      if (end < 0) return;
      socket.end();
      resolve(text.slice(0, end));
    });
    socket.on("close", () => reject(new Error("the connection was closed before an answer came")));
  });
}

/** Host and port of `host:port` or `tcp://host:port`. Throws with an example. */
export function parseAddress(address: string): { host: string; port: number } {
  const found = /^(?:[a-z]+:\/\/)?\[?([^\s/]+?)\]?:(\d{1,5})\/?$/.exec(address);
  const port = Number(found?.[2]);
  if (found?.[1] === undefined || port < 1 || port > 65_535)
    throw new Error(`"${address}" is not an address; give host:port, such as 127.0.0.1:4533`);
  return { host: found[1], port };
}
