import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

/** A page and its content security policy. */
export interface Page {
  readonly html: string;
  readonly policy: string;
}

/** The page: page.html with page.css and page.js put in, so that one answer is whole (a page of one version never loads the script of another), and a content security policy that allows just these. */
export function loadPage(): Page {
  const style = read("page.css");
  const script = read("page.js");
  const html = read("page.html")
    .replace("/*page.css*/", () => style)
    .replace("/*page.js*/", () => script);
  return {
    html,
    policy: `default-src 'none'; connect-src 'self'; img-src data:; style-src ${hash(style)}; script-src ${hash(script)}; base-uri 'none'; form-action 'none'; frame-ancestors 'self'`,
  };
}

function read(name: string): string {
  return readFileSync(`${import.meta.dirname}/${name}`, "utf8");
}

function hash(text: string): string {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}
