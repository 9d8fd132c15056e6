import { createServer, type Socket } from "node:net";
import { DEFAULT_MOUNT, Motion } from "./motion.ts";

/** antenna: a simulated antenna mount that speaks lines over TCP: `get`, `slew AZ EL`, `stop`, `help`, `quit`; each is answered by one line of JSON. */
const CONNECTIONS_MAX = 64;
const LINE_MAX = 256;
const IDLE_MS = 600_000;
const HELP = "commands: get | slew AZIMUTH ELEVATION | stop | help | quit";

const motion = new Motion(
  {
    ...DEFAULT_MOUNT,
    azimuthRate: rate("ANTENNA_AZIMUTH_RATE", DEFAULT_MOUNT.azimuthRate),
    elevationRate: rate("ANTENNA_ELEVATION_RATE", DEFAULT_MOUNT.elevationRate),
  },
  () => performance.now(),
);
const sockets = new Set<Socket>();
const server = createServer(attend);
server.maxConnections = CONNECTIONS_MAX;
server.on("error", (error) => {
  console.error(`antenna: cannot listen: ${error.message}`);
  process.exit(1);
});
server.listen(Number(process.env.PORT ?? 0), process.env.HOST ?? "127.0.0.1", () => {
  const address = server.address();
  log("listening", { port: typeof address === "object" ? address?.port : address });
});
// On a full disk lines of the log are lost; the antenna goes on.
process.stdout.on("error", () => undefined);
process.on("SIGTERM", stop);
process.on("SIGINT", stop);

function attend(socket: Socket): void {
  sockets.add(socket);
  let rest = "";
  socket.setEncoding("utf8");
  socket.setTimeout(IDLE_MS, () => socket.end());
  socket.on("close", () => sockets.delete(socket));
  // A connection cut by the other side is no event of ours: "close" follows.
  socket.on("error", () => undefined);
  socket.on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line.trim().toLowerCase() === "quit") {
        socket.end();
        return;
      }
      if (line.trim() !== "") socket.write(`${JSON.stringify(answer(line))}\n`);
    }
    if (rest.length > LINE_MAX) socket.end(`${JSON.stringify({ error: `a line is at most ${LINE_MAX} characters long; closing` })}\n`);
  });
}

function answer(line: string): object {
  const [command, ...words] = line.trim().toLowerCase().split(/\s+/);
  if (command === "help") return { help: HELP };
  if (command !== "get" && command !== "slew" && command !== "stop") return { error: `unknown command "${command?.slice(0, 40)}"; ${HELP}` };
  if (words.length !== (command === "slew" ? 2 : 0))
    return { error: `${command} takes ${command === "slew" ? "two numbers: slew AZIMUTH ELEVATION" : "no arguments"}` };
  if (command === "slew") {
    try {
      motion.slew(Number(words[0]), Number(words[1]));
    } catch (error) {
      return { error: (error as RangeError).message };
    }
    log(line.trim());
  }
  if (command === "stop") {
    motion.stop();
    log("stop");
  }
  return motion.read();
}

function stop(): void {
  log("stopping");
  server.close(() => process.exit(0));
  for (const socket of sockets) socket.end();
  // A client that does not close its side must not keep the antenna from ending.
  setTimeout(() => {
    for (const socket of sockets) socket.destroy();
  }, 1000).unref();
}

function rate(name: string, byDefault: number): number {
  const value = Number(process.env[name] ?? byDefault);
  if (value > 0 && value <= 1000) return value;
  console.error(`antenna: ${name} is "${process.env[name]}": expected degrees per second, above 0 and at most 1000`);
  process.exit(1);
}

function log(message: string, fields: object = {}): void {
  console.log(JSON.stringify({ at: new Date().toISOString(), service: "antenna", message, ...fields }));
}
