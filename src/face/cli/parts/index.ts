import type { CliPart } from "../context.ts";
import { alarmsCli } from "./alarms.ts";
import { auditCli } from "./audit.ts";
import { callsCli } from "./calls.ts";
import { commandCli } from "./command.ts";
import { devicesCli } from "./devices.ts";
import { jobsCli } from "./jobs.ts";
import { loginCli } from "./login.ts";
import { objectsCli } from "./objects.ts";
import { peopleCli } from "./people.ts";
import { resourcesCli } from "./resources.ts";
import { routesCli } from "./routes.ts";
import { seriesCli } from "./series.ts";
import { servicesCli } from "./services.ts";
import { siteCli } from "./site.ts";
import { snmpCli } from "./snmp.ts";
import { topCli } from "./top.ts";
import { updatesCli } from "./updates.ts";

/** The commands that this room has, in the order of the help; a folder of manifests is applied in the order of their kinds. */
export const CLI_PARTS: readonly CliPart[] = [
  siteCli, //
  objectsCli,
  resourcesCli,
  servicesCli,
  topCli,
  callsCli,
  seriesCli,
  alarmsCli,
  updatesCli,
  routesCli,
  jobsCli,
  snmpCli,
  devicesCli,
  peopleCli,
  loginCli,
  auditCli,
  commandCli,
];
