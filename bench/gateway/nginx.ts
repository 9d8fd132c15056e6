import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";

/** nginx's version, or undefined where it is not installed. */
export function nginxVersion(): string | undefined {
  try {
    const text = execFileSync("sh", ["-c", "nginx -v 2>&1"], { encoding: "utf8" });
    return /nginx\/(\S+)/.exec(text)?.[1];
  } catch {
    return undefined;
  }
}

export interface Nginx {
  readonly pid: number;
  /** Of the one worker, which does the work. */
  readonly workerPid: () => number;
  stop(): void;
}

/** nginx with one worker on `port`: the backend that answers `body` itself, or a proxy to `backend` with kept connections and a JSON access log. */
export function startNginx(options: {
  readonly folder: string;
  readonly port: number;
  readonly backend?: number;
  readonly body?: string;
  readonly wrap: readonly string[];
}): Nginx {
  const { folder, port, backend, body, wrap } = options;
  mkdirSync(folder, { recursive: true });
  const server =
    backend === undefined
      ? `access_log off; server { listen 127.0.0.1:${port} backlog=4096; keepalive_requests 100000000; location / { default_type application/json; return 200 '${body}'; } }`
      : `log_format json escape=json '{"time":"$time_iso8601","client":"$remote_addr","method":"$request_method","path":"$uri","status":$status,"s":$request_time,"upstream":"$upstream_addr"}';
         access_log ${folder}/access.log json buffer=64k flush=200ms;
         upstream backend { server 127.0.0.1:${backend}; keepalive 256; keepalive_requests 100000000; }
         server { listen 127.0.0.1:${port} backlog=4096; keepalive_requests 100000000; location / { proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr; } }`;
  const file = path.join(folder, "nginx.conf");
  writeFileSync(
    file,
    `daemon off; worker_processes 1; pid ${folder}/nginx.pid; error_log ${folder}/error.log;\nevents { worker_connections 8192; }\nhttp { client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s; ${server} }\n`,
  );
  const [program = "nginx", ...args] = [...wrap, "nginx", "-p", folder, "-c", file];
  const child = spawn(program, args, { stdio: "ignore" });
  return {
    pid: child.pid ?? 0,
    workerPid: () =>
      Number(
        execFileSync("pgrep", ["-P", String(child.pid), "-f", "worker process"], { encoding: "utf8" })
          .trim()
          .split("\n")[0],
      ),
    stop: () => child.kill("SIGTERM"),
  };
}
