/** A process that a program left behind when it ended. */
export interface LeftProcess {
  readonly pid: number;
  /** Name of its program as the kernel keeps it: at most 15 bytes. */
  readonly command: string;
}

/** How well-known servers are kept in the foreground, from their manuals: what to do, said to a person. */
const FOREGROUND: Readonly<Record<string, string>> = {
  nginx: 'start it with nginx -g "daemon off;"',
  "redis-server": "start it with redis-server --daemonize no, and leave `daemonize yes` out of its file",
  "valkey-server": "start it with valkey-server --daemonize no, and leave `daemonize yes` out of its file",
  httpd: "start it with httpd -DFOREGROUND",
  apache2: "start it with apache2 -DFOREGROUND",
  postgres: "start it with postgres -D FOLDER, not with pg_ctl start",
  mysqld: "leave out --daemonize",
  mariadbd: "leave out --daemonize",
  haproxy: "start it with haproxy -db, and leave out -D",
  memcached: "leave out -d",
  mosquitto: "leave out -d",
  dnsmasq: "start it with dnsmasq --keep-in-foreground",
  sshd: "start it with sshd -D",
  "php-fpm": "start it with php-fpm --nodaemonize",
  gunicorn: "leave out --daemon",
  uwsgi: "leave out --daemonize",
  supervisord: "start it with supervisord --nodaemon",
  snmpd: "start it with snmpd -f",
  rsyslogd: "start it with rsyslogd -n",
  mongod: "leave out --fork",
  "beam.smp": "start rabbitmq-server without -detached",
  squid: "start it with squid --foreground",
  lighttpd: "start it with lighttpd -D",
  vsftpd: "start it with vsftpd -obackground=NO",
};

const NAMED_MAX = 3;

/** What a program did that has put itself in the background, and what became of the processes that it left. */
export function describeBackground(left: readonly LeftProcess[]): string {
  const shown = left.slice(0, NAMED_MAX).map(({ pid, command }) => `${pid} (${command})`);
  const more = left.length > NAMED_MAX ? ` and ${left.length - NAMED_MAX} more` : "";
  const [processes, were] = left.length === 1 ? ["process", "which was ended"] : ["processes", "which were ended"];
  return `its program went to the background: it ended with 0 and left ${processes} ${shown.join(", ")}${more}, ${were}`;
}

/** How such a program stays in the foreground. */
export function adviseForeground(left: readonly LeftProcess[]): string {
  const known = left.map(({ command }) => FOREGROUND[command.replace(/\d+(\.\d+)*$/, "")]).find((one) => one !== undefined);
  const what = known ?? "leave out what sends it to the background (such as --daemonize, --fork, -d, or an & in a script)";
  return `A service must stay in the foreground: ${what}`;
}
