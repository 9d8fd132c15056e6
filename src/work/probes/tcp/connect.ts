import { once } from "node:events";
import { connect } from "node:net";

/** Opens a connection and closes it again; returns how long the opening took. Throws the connection's error or the signal's reason. */
export async function connectOnce(host: string, port: number, signal: AbortSignal): Promise<number> {
  const beganMs = performance.now();
  const socket = connect({ host, port });
  try {
    await once(socket, "connect", { signal });
    return performance.now() - beganMs;
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    socket.on("error", () => {});
    socket.destroy();
  }
}
