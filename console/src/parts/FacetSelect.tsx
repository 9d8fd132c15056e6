import type { CountRow } from "../../../src/face/views/protocol.ts";
import { useView } from "../api/live.ts";
import { useWord } from "../texts/index.ts";
import { withoutEscapes } from "./escapes.ts";

interface FacetSelectProps {
  readonly label: string;
  readonly resource: string;
  /** What the objects are told apart by. */
  readonly by: string;
  /** One value; empty: all. */
  readonly value: string;
  readonly all: string;
  readonly onChange: (value: string) => void;
  /** The values are words of the server, and told in the person's language. */
  readonly inWords?: boolean;
}

/** One value of a facet, with how many have it. */
export function FacetSelect({ label, resource, by, value, all, onChange, inWords = false }: FacetSelectProps) {
  const word = useWord();
  const told = (text: string): string => (inWords ? word(text) : withoutEscapes(text));
  const { rows } = useView<CountRow>({ of: "counts", resource, by, limit: 200 });
  const known = rows.filter(({ row }) => row.value !== "");
  if (known.length === 0 && value === "") return null;
  const isKnown = value === "" || known.some(({ row }) => row.value === value);
  return (
    <label className="facet">
      <span className="only-read">{label}</span>
      <select className="input" value={value} onChange={(event) => onChange(event.target.value)}>
        <option value="">{all}</option>
        {!isKnown && <option value={value}>{told(value)} (0)</option>}
        {known.map(({ row }) => (
          <option key={row.value} value={row.value}>
            {told(row.value)} ({row.count})
          </option>
        ))}
      </select>
    </label>
  );
}
