import type { InstanceLook } from "#/work/agent/index.ts";
import type { Figure } from "./host-figures.ts";

/** Places whose sums are kept: an update brings other instances to the same places, and a place that nobody takes any more is forgotten last. */
const PLACES_MAX = 2_000;

/** What is kept of one place: sums that only rise, whichever instance stands there. */
interface Place {
  cpuSeconds: number;
  restarts: number;
}

/** What a host's instances use, by *place*: service and slot, job, or resource. No series bears the name of an instance, of a revision, or a process id: these come and go with every update, and would leave series behind. While two stand at one place (an update), it has the sum of both. */
export class InstanceFigures {
  readonly #places = new Map<string, Place>();
  /** Restarts of each instance, as they were at the look before. */
  #restarts = new Map<string, number>();

  read(looks: readonly InstanceLook[]): readonly Figure[] {
    const restarts = new Map<string, number>();
    const byPlace = new Map<string, { readonly labels: Figure[1]; readonly looks: InstanceLook[] }>();
    for (const look of looks) {
      const labels = labelsOf(look);
      const key = JSON.stringify(labels);
      const place = this.#place(key);
      place.cpuSeconds += look.use?.cpuSeconds ?? 0;
      place.restarts += Math.max(0, look.restarts - (this.#restarts.get(look.uid) ?? 0));
      restarts.set(look.uid, look.restarts);
      const found = byPlace.get(key);
      if (found === undefined) byPlace.set(key, { labels, looks: [look] });
      else found.looks.push(look);
    }
    this.#restarts = restarts;
    return [...byPlace].flatMap(([key, { labels, looks: here }]) => figuresOf(labels, here, this.#place(key)));
  }

  #place(key: string): Place {
    const known = this.#places.get(key);
    if (known !== undefined) {
      // In order of use: the first is the one that nobody has taken for longest.
      this.#places.delete(key);
      this.#places.set(key, known);
      return known;
    }
    const place = { cpuSeconds: 0, restarts: 0 };
    const [oldest] = this.#places.keys();
    if (oldest !== undefined && this.#places.size >= PLACES_MAX) this.#places.delete(oldest);
    this.#places.set(key, place);
    return place;
  }
}

function labelsOf({ service, job, resource, slot }: InstanceLook): Figure[1] {
  if (job !== undefined) return { job };
  return resource !== undefined ? { resource } : { service: service ?? "", slot: String(slot) };
}

function figuresOf(labels: Figure[1], looks: readonly InstanceLook[], place: Place): readonly Figure[] {
  const uses = looks.flatMap(({ use }) => use ?? []);
  const figures: Figure[] = [
    ["instance_present", labels, looks.length],
    ["instance_ready", labels, looks.filter((one) => one.isReady).length],
    ["instance_restarts_total", labels, place.restarts],
  ];
  // Nothing runs there: what it uses is not zero, but nothing.
  if (uses.length === 0) return figures;
  const sum = (of: (use: (typeof uses)[number]) => number): number => uses.reduce((total, use) => total + of(use), 0);
  figures.push(
    ["instance_cpu_seconds_total", labels, Math.round(place.cpuSeconds * 100) / 100],
    ["instance_memory_bytes", labels, sum((use) => use.memoryBytes)],
    ["instance_threads", labels, sum((use) => use.threads)],
    ["instance_processes", labels, sum((use) => use.processes)],
  );
  if (uses.every((use) => use.openFiles !== undefined)) figures.push(["instance_open_files", labels, sum((use) => use.openFiles ?? 0)]);
  return figures;
}
