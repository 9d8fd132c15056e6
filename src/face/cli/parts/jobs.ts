import { job, jobRun } from "#/model/index.ts";
import type { CliPart } from "../context.ts";
import { output, parseDuration } from "../option-values.ts";

/** Programs that run to their end. */
export const jobsCli: CliPart = {
  name: "jobs",
  kinds: [job, jobRun],
  commands: [
    {
      group: "Change:",
      usage: "job",
      description: "Run a job now, list jobs, show the history of their runs, stop a run.",
      define: (command) =>
        command
          .argument("<run|list|history|stop>", "what to do")
          .argument("[name]", "name of a job (stop: or of one of its runs)")
          .option("--wait", "with run: return when it is over, with 0 only if it has succeeded", false)
          .option("--timeout <duration>", "longest wait with --wait", parseDuration, "1h")
          .addOption(output()),
      run: async (context, args, options) => (await import("../commands/job.ts")).runJob(context, args, options),
    },
  ],
};
