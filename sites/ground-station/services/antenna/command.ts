import { ask } from "./line-client.ts";

/** Scripts `position` and `park`: sends its arguments as one line to this antenna ($HOST:$PORT) and prints the answer. */
const line = process.argv.slice(2).join(" ") || "get";
const answer = await ask(process.env.HOST ?? "127.0.0.1", Number(process.env.PORT), line, 3000);
console.log(answer);
process.exit(answer.includes('"error"') ? 1 : 0);
