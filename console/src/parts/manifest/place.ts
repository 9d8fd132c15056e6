/** Where in a manifest one is: for completion, for what stands beside the pointer, for problems. By indentation, so that it also holds while the text is no YAML yet. Pure. */
export type FieldPath = readonly (string | number)[];

const KEY = /^(\s*)((?:- +)*)(?:"((?:[^"\\]|\\.)*)"|'((?:[^']|'')*)'|([^\s#'"[\]{},][^:#]*?))\s*:(?:\s+(.*)|$)/;
const ITEM = /^(\s*)-(?:\s+|$)/;

interface Line {
  /** Column of its key, or of what stands there. */
  readonly column: number;
  /** Columns of the dashes before it. */
  readonly dashes: readonly number[];
  readonly key?: string;
}

/** Which field a line belongs to: the keys above it, and its own. Items of lists are counted. `column`: of the cursor, where the line is still empty. */
export function pathOfLine(lines: readonly string[], index: number, column?: number): FieldPath {
  const own = read(lines[index] ?? "", column);
  const path: (string | number)[] = own.key === undefined ? [] : [own.key];
  let below = own.column;
  let dashes = [...own.dashes];
  for (let at = index; at >= 0; at--) {
    const line = at === index ? own : read(lines[at] ?? "");
    if (at !== index) {
      if (isEmpty(lines[at] ?? "")) continue;
      // Its own dash makes the fields below it an item.
      const dash = line.dashes.findLast((one) => one < below);
      if (dash !== undefined && line.column <= below && (line.column < below || dashes.length === 0)) {
        if (line.column === below || line.column > dash) {
          if (line.column < below && line.key !== undefined) {
            path.unshift(line.key);
            below = line.column;
          }
          dashes = [...line.dashes];
        }
      } else if (line.key !== undefined && (line.column < below || (dashes.length > 0 && line.column <= (dashes[0] ?? 0)))) {
        path.unshift(line.key);
        below = line.column;
        dashes = [...line.dashes];
      } else continue;
    }
    for (const one of dashes.toReversed()) {
      path.unshift(countItems(lines, at, one));
      below = one;
    }
    if (dashes.length > 0) {
      const first = dashes[0] ?? 0;
      const owner = ownerOf(lines, at, first);
      dashes = [];
      if (owner === undefined) return path;
      at = owner + 1;
      below = first + 1;
    }
    if (below === 0) return path;
  }
  return path;
}

function read(text: string, cursor?: number): Line {
  const match = KEY.exec(text);
  if (match !== null) {
    const [, indent = "", marks = "", double, single, plain] = match;
    const dashes = dashesOf(indent, marks);
    return { column: indent.length + marks.length, dashes, key: double ?? single?.replaceAll("''", "'") ?? plain ?? "" };
  }
  const item = /^(\s*)((?:-(?:\s+|$))*)/.exec(text);
  const [, indent = "", marks = ""] = item ?? [];
  const column = indent.length + marks.length;
  return { column: text.trim() === "" && cursor !== undefined ? cursor : column, dashes: dashesOf(indent, marks) };
}

function dashesOf(indent: string, marks: string): readonly number[] {
  return [...marks].flatMap((sign, index) => (sign === "-" ? [indent.length + index] : []));
}

function isEmpty(text: string): boolean {
  return /^\s*(?:#.*)?$/.test(text);
}

/** Which item of its list begins at this line. */
function countItems(lines: readonly string[], index: number, column: number): number {
  let count = 0;
  for (let at = index - 1; at >= 0; at--) {
    const text = lines[at] ?? "";
    if (isEmpty(text)) continue;
    const indent = text.length - text.trimStart().length;
    const isDash = ITEM.test(text.slice(column)) && text.slice(0, column).trim().replaceAll(/[-\s]/g, "") === "";
    if (indent === column && isDash) count += 1;
    else if (isDash && indent < column) return count + 1;
    else if (indent <= column) return count;
  }
  return count;
}

/** The line whose key has the list whose dashes stand in `column`. */
function ownerOf(lines: readonly string[], index: number, column: number): number | undefined {
  for (let at = index - 1; at >= 0; at--) {
    const text = lines[at] ?? "";
    if (isEmpty(text)) continue;
    const line = read(text);
    if (line.key !== undefined && line.column <= column && !line.dashes.includes(column)) return at;
  }
  return undefined;
}

/** `spec.env[0]["a.b"]` as a list of keys; what cannot be read ends it. */
export function parseField(text: string): FieldPath {
  const path: (string | number)[] = [];
  const pattern = /\.?([A-Za-z0-9_-]+)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]/y;
  while (pattern.lastIndex < text.length) {
    const match = pattern.exec(text);
    if (match === null) break;
    const [, name, index, quoted] = match;
    path.push(name ?? (index === undefined ? (JSON.parse(quoted ?? '""') as string) : Number(index)));
  }
  return path;
}
