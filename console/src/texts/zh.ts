const files = import.meta.glob("./zh/*.json", { eager: true, import: "default" }) as Readonly<Record<string, Readonly<Record<string, unknown>>>>;

export const texts: Readonly<Record<string, Readonly<Record<string, unknown>>>> = Object.fromEntries(
  Object.entries(files).map(([path, text]) => [path.replace(/^.*\/|\.json$/g, ""), text]),
);
