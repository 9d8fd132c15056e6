/** `npm run docs`: writes every document that is made from the code (`tools/docs-*.ts`). `npm run check` compares them. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

for (const name of readdirSync(import.meta.dirname)
  .filter((one) => /^docs-.*(?<!\.test)\.ts$/.test(one))
  .sort()) {
  const file = join(import.meta.dirname, name);
  // The others only look.
  if (readFileSync(file, "utf8").includes("keepDocument("))
    execFileSync(process.execPath, ["--disable-warning=ExperimentalWarning", file], { stdio: "inherit" });
}
