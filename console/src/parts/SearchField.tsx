/** What is looked for in a list; `/` leads here. */
export function SearchField({
  hint,
  value,
  onChange,
}: {
  readonly hint: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
}) {
  return (
    <input
      className="input search"
      type="search"
      data-search=""
      aria-label={hint}
      placeholder={hint}
      spellCheck={false}
      value={value}
      onChange={(event) => onChange(event.target.value)}
    />
  );
}
