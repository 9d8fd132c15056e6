import type { CliPart } from "../context.ts";
import { collect, output, parseDuration } from "../option-values.ts";

/** Logging in. */
export const loginCli: CliPart = {
  name: "login",
  kinds: [],
  commands: [
    {
      group: "Run a site:",
      usage: "login-link",
      description: "Make a link that logs a user in to the console, once, within 10 minutes.",
      define: (command) =>
        command
          .argument("[user]", "whom; default: the admin of this machine, who is there before any user is")
          .option("--display <label>", "a session for a wall, that reads alone and lasts as long as --ttl says")
          .option("--ttl <duration>", "with --display: how long", parseDuration, "30d"),
      run: async (context, args, options) => (await import("../commands/login-link.ts")).loginLink(context, args, options),
    },
    {
      group: "Change:",
      usage: "login",
      description: "Log in: the commands that follow act for that user, not for the admin of this machine.",
      define: (command) =>
        command
          .argument("[user]", "whose password is asked for; absent: say who is logged in")
          .option("--link <link>", "a one-time link instead of a password")
          .option("--ttl <duration>", "how long", parseDuration, "12h"),
      run: async (context, args, options) => (await import("../commands/login.ts")).login(context, args, options),
    },
    {
      group: "Change:",
      usage: "logout",
      description: "Log out: the commands that follow act for the admin of this machine again.",
      run: async (context, _args, options) => (await import("../commands/login.ts")).logout(context, options),
    },
    {
      group: "Change:",
      usage: "token",
      description: "Make, list and revoke tokens, with which programs, kubectl and this command act for a user.",
      define: (command) =>
        command
          .argument("<create|list|revoke>", "what to do")
          .argument("[id]", "with revoke: which")
          .option("--user <name>", "whose; default: your own; with list also * for all")
          .option("--ttl <duration>", "with create: how long it lives, up to 365d", parseDuration)
          .option("--label <text>", "with create: what for")
          .option("--scope <role[@selector]>", "with create: limited to this role, for objects with these labels; may be repeated", collect)
          .addOption(output()),
      run: async (context, args, options) => (await import("../commands/token.ts")).runToken(context, args, options),
    },
    {
      group: "Change:",
      usage: "session",
      description: "List those who are logged in to the console, and end their sessions.",
      define: (command) =>
        command
          .argument("<list|end>", "what to do")
          .argument("[id]", "with end: which")
          .option("--user <name>", "whose; default: all that you may see")
          .addOption(output()),
      run: async (context, args, options) => (await import("../commands/session.ts")).runSession(context, args, options),
    },
  ],
};
