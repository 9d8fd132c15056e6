import { Argument } from "commander";
import { approval, role, user } from "#/model/index.ts";
import type { CliPart } from "../context.ts";
import { collect, output } from "../option-values.ts";

/** Who may do what. */
export const peopleCli: CliPart = {
  name: "access",
  kinds: [role, user, approval],
  commands: [
    {
      group: "Change:",
      usage: "user",
      description: "People and their roles: list them, add one, give a role, set a password, disable, enable, remove.",
      define: (command) =>
        command
          .addArgument(new Argument("<action>", "what to do").choices(["list", "add", "show", "grant", "passwd", "disable", "enable", "remove"]))
          .argument("[name]", "name of the user")
          .option("--role <role>", "with add and grant: a role, as viewer, operator, engineer or admin; may be given several times", collect)
          .option("--where <selector>", "with --role: for objects with these labels alone, as team=a")
          .option("--group <group>", "with add and grant: a group; may be given several times", collect)
          .option("--display <name>", "with add: how the person is called")
          .addOption(output()),
      run: async (context, args, options) => (await import("../commands/user.ts")).runUser(context, args, options),
    },
    {
      group: "Change:",
      usage: "approval",
      description: "What waits for a second person: list it, show it, approve, refuse, withdraw it; review what somebody did alone.",
      define: (command) =>
        command
          .addArgument(new Argument("<action>", "what to do").choices(["list", "show", "approve", "refuse", "withdraw", "review"]))
          .argument("[name]", "name of the approval")
          .option("--all", "with list: also what is over", false)
          .addOption(output()),
      run: async (context, args, options) => (await import("../commands/approval.ts")).runApproval(context, args, options),
    },
    {
      group: "See:",
      usage: "secrets",
      description: "Show the secret values of an object: takes the action see-secrets, and is told to the audit.",
      define: (command) => command.argument("<kind>", "kind, plural or short name, or kind/name").argument("[name...]", "names").addOption(output()),
      run: async (context, args, options) => (await import("../commands/secrets.ts")).secrets(context, args, options),
    },
    {
      group: "See:",
      usage: "role",
      description: "What the roles give, and to which groups.",
      define: (command) =>
        command
          .addArgument(new Argument("<action>", "what to show").choices(["list", "show"]))
          .argument("[name]", "name of the role")
          .addOption(output()),
      run: async (context, args, options) => (await import("../commands/user.ts")).runRole(context, args, options),
    },
    {
      group: "See:",
      usage: "can-i",
      description: "Whether you may do something, and by which role; --list for all.",
      define: (command) =>
        command
          .argument("[verb]", "get, create, patch, scale, run-script and so on")
          .argument("[what]", "a kind, KIND/NAME, KIND/NAME/log, or a path of the API")
          .option("--list", "all that you may do", false),
      run: async (context, args, options) => (await import("../commands/user.ts")).canI(context, args, options),
    },
  ],
};
