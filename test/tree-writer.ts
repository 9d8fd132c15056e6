/** A process that writes into the tree in the file of its argument, on many lanes at once, and says each path that was acknowledged. It goes on until it is killed. */
import { systemClock, systemRandom } from "#/base/index.ts";
import { openSqliteTree } from "#/state/tree/sqlite/index.ts";

const [file = "", run = ""] = process.argv.slice(2);
const tree = await openSqliteTree({ file, clock: systemClock, random: systemRandom });
const session = await tree.session();
await tree.create(`/ephemeral/${run}`, "", { session: session.id });
process.stdout.write("ready\n");

async function write(lane: number): Promise<never> {
  for (let index = 0; ; index++) {
    const path = `/n/${run}/${lane}/${index}`;
    await tree.multi([
      { op: "create", path: `${path}/left`, value: path },
      { op: "create", path: `${path}/right`, value: path },
    ]);
    process.stdout.write(`${path}\n`);
    if (index % 3 === 2) {
      await tree.delete(`${path}/right`);
      process.stdout.write(`-${path}\n`);
    }
  }
}

await Promise.all(Array.from({ length: 16 }, (_, lane) => write(lane)));
