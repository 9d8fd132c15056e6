/** Reads one value out of an object. */
export type JsonPath = (object: unknown) => unknown;

type Step =
  | { readonly key: string }
  | { readonly index: number }
  | { readonly each: true }
  | { readonly where: readonly string[]; readonly equals: unknown };

const STEP =
  /\.([A-Za-z0-9_-]+)|\['([^']+)'\]|\[(\d+)\]|(\[\*\])|\[\?\(@((?:\.[A-Za-z0-9_-]+)+)\s*==\s*(?:"([^"]*)"|'([^']*)'|(true|false|-?\d+(?:\.\d+)?))\)\]/y;

/** The subset of JSONPath that columns of CRDs use: `.a.b`, `.list[0].x`, `.list[*].x` (a list), `.list[?(@.type=="Ready")].status`. Asserts on anything else: paths are the model's. */
export function compileJsonPath(path: string): JsonPath {
  const steps: Step[] = [];
  STEP.lastIndex = 0;
  while (STEP.lastIndex < path.length) {
    const at = STEP.lastIndex;
    const match = STEP.exec(path);
    if (match === null) throw new SyntaxError(`JSON path ${path} cannot be read at ${at}`);
    const [, key, quoted, index, each, where, double, single, literal] = match;
    if (key !== undefined || quoted !== undefined) steps.push({ key: key ?? quoted ?? "" });
    else if (index !== undefined) steps.push({ index: Number(index) });
    else if (each !== undefined) steps.push({ each: true });
    else steps.push({ where: (where ?? "").slice(1).split("."), equals: double ?? single ?? JSON.parse(literal ?? "null") });
  }
  return (object) => walk(object, steps, 0);
}

function walk(value: unknown, steps: readonly Step[], from: number): unknown {
  const step = steps[from];
  if (step === undefined || value === undefined || value === null) return value ?? undefined;
  if ("key" in step) return walk(member(value, step.key), steps, from + 1);
  if (!Array.isArray(value)) return undefined;
  if ("index" in step) return walk(value[step.index], steps, from + 1);
  if ("each" in step) return value.map((item) => walk(item, steps, from + 1)).filter((item) => item !== undefined);
  return walk(
    value.find((item) => step.where.reduce(member, item) === step.equals),
    steps,
    from + 1,
  );
}

function member(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, key) ? (value as Readonly<Record<string, unknown>>)[key] : undefined;
}
