import assert from "node:assert/strict";
import { test } from "node:test";
import { Command } from "commander";
import { commandFault, findAdvice } from "./docs-links.ts";

function sample(): Command {
  const program = new Command("orrery").version("1");
  program.command("up").option("--detach").option("-f, --file <file>");
  program.command("update").argument("[service]").command("show").argument("[name]").option("--watch");
  return program;
}

test("commands and options that exist are well, with arguments and help", () => {
  for (const words of ["", "--help", "up --detach", "up -f x.yaml", "up --file=x.yaml", "update show NAME --watch", "update show --help"]) {
    assert.equal(commandFault(sample(), words), undefined, words);
  }
});

test("a command or an option that does not exist is named", () => {
  assert.match(commandFault(sample(), "start") ?? "", /no command: orrery start/);
  assert.match(commandFault(sample(), "update hide") ?? "", /no command: orrery update hide/);
  assert.match(commandFault(sample(), "up --wacth") ?? "", /orrery up has no option --wacth/);
});

test("what messages advise is found, with NAME for what is filled in", () => {
  const filled = `$${"{gateway.name}"}`;
  const code = `bring it back, or run: orrery gateway forget ${filled}; see: orrery get microservices,instances; with: orrery update promote|abort`;
  assert.deepEqual(findAdvice(code), ["gateway forget NAME", "get microservices", "update promote"]);
});
