/** A process that a program left behind when it ended. */
export interface LeftProcess {
  readonly pid: number;
  /** Name of its program as the kernel keeps it: at most 15 bytes. */
  readonly command: string;
}

/** How well-known servers are kept in the foreground, from their manuals. */
const FOREGROUND: Readonly<Record<string, string>> = {
  nginx: 'nginx -g "daemon off;"',
  "redis-server": "redis-server --daemonize no (and no `daemonize yes` in its file)",
  "valkey-server": "valkey-server --daemonize no (and no `daemonize yes` in its file)",
  httpd: "httpd -DFOREGROUND",
  apache2: "apache2 -DFOREGROUND",
  postgres: "postgres -D FOLDER instead of pg_ctl start",
  mysqld: "mysqld without --daemonize",
  mariadbd: "mariadbd without --daemonize",
  haproxy: "haproxy -db, without -D",
  memcached: "memcached without -d",
  mosquitto: "mosquitto without -d",
  dnsmasq: "dnsmasq --keep-in-foreground",
  sshd: "sshd -D",
  "php-fpm": "php-fpm --nodaemonize",
  gunicorn: "gunicorn without --daemon",
  uwsgi: "uwsgi without --daemonize",
  supervisord: "supervisord --nodaemon",
  snmpd: "snmpd -f",
  rsyslogd: "rsyslogd -n",
  mongod: "mongod without --fork",
  "beam.smp": "rabbitmq-server without -detached",
  squid: "squid --foreground",
  lighttpd: "lighttpd -D",
  vsftpd: "vsftpd -obackground=NO",
};

const NAMED_MAX = 3;

/** Says that a program has put itself in the background: which process it left, and what to write instead. */
export function describeBackground(left: readonly LeftProcess[]): string {
  const shown = left.slice(0, NAMED_MAX).map(({ pid, command }) => `${pid} (${command})`);
  const more = left.length > NAMED_MAX ? ` and ${left.length - NAMED_MAX} more` : "";
  const hint = left.map(({ command }) => FOREGROUND[command.replace(/\d+(\.\d+)*$/, "")]).find((one) => one !== undefined);
  const what = hint ?? "take out what sends it to the background (such as --daemonize, --fork, -d, or an & in a script)";
  return `its program ended with 0 and left ${left.length === 1 ? "process" : "processes"} ${shown.join(", ")}${more} running in the background; ${left.length === 1 ? "it was" : "they were"} ended. A service must stay in the foreground: ${what}`;
}
