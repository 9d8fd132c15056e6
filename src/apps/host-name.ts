import { hostname } from "node:os";

/** The name of this host as an object's name: the machine's own, in lower case, other characters as `-`. Agent and gateway of a host must agree on it. */
export function readHostName(): string {
  const name = hostname()
    .toLowerCase()
    .replace(/[^a-z0-9.-]+/g, "-")
    .replace(/^[-.]+|[-.]+$/g, "");
  return name === "" ? "localhost" : name;
}
