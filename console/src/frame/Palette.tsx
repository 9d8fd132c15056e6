import { type KeyboardEvent, useDeferredValue, useEffect, useId, useState } from "react";
import type { TableRow } from "../../../src/face/views/protocol.ts";
import { useView } from "../api/live.ts";
import { mayAct, session } from "../api/session.ts";
import type { PageEntry } from "../pages/index.ts";
import { Shape } from "../parts/State.tsx";
import { useModal } from "../parts/useModal.ts";
import { LANGUAGES, useTexts } from "../texts/index.ts";
import { Icon } from "./icons.tsx";
import { chooseLanguage } from "./language.ts";
import { go } from "./location.ts";
import { theme } from "./look.ts";

/** Kinds that are found by name, with the page on which each is looked at; of each at most so many. */
const FOUND: readonly {
  readonly resource: string;
  readonly kind: string;
  readonly path: string;
  readonly isWhole?: boolean;
  readonly max: number;
}[] = [
  { resource: "microservices", kind: "Microservice", path: "/services", max: 8 },
  { resource: "resources", kind: "Resource", path: "/resources", max: 4 },
  { resource: "hosts", kind: "Host", path: "/hosts", isWhole: true, max: 3 },
  { resource: "gateways", kind: "Gateway", path: "/gateways", isWhole: true, max: 3 },
  { resource: "routes", kind: "Route", path: "/routes", max: 3 },
  { resource: "updates", kind: "Update", path: "/updates", max: 3 },
  { resource: "users", kind: "User", path: "/users", isWhole: true, max: 3 },
];

interface Item {
  readonly id: string;
  readonly title: string;
  readonly hint: string;
  readonly icon?: string;
  readonly state?: TableRow["state"];
  readonly run: () => void;
}

interface PaletteProps {
  readonly pages: readonly PageEntry[];
  /** Shows which keys do what. */
  readonly onKeys: () => void;
  readonly onClose: () => void;
}

interface Found {
  readonly isLoading: boolean;
  readonly items: readonly Item[];
}

/** Objects by name, of all kinds that have a page and that the person may see. */
function useFound(search: string): Found {
  const t = useTexts("frame");
  const lives = FOUND.map(({ resource, max }) =>
    // biome-ignore lint/correctness/useHookAtTopLevel: the list is always the same
    useView<TableRow>(search === "" ? undefined : { of: "objects", resource, search, limit: max, columns: [".metadata.name"] }),
  );
  return {
    isLoading: lives.some((live) => live.isLoading),
    items: lives.flatMap((live, at) => {
      const { kind, path, isWhole = false } = FOUND[at] ?? { kind: "", path: "" };
      return live.rows.map(({ key, row }) => ({
        id: `${kind} ${key}`,
        title: row.name,
        hint: t(`kinds.${kind}`),
        state: row.state ?? { severity: "normal" as const, word: "" },
        run: () => go(`${path}?open=${isWhole ? "" : `${row.namespace ?? "default"}/`}${encodeURIComponent(row.name)}`),
      }));
    }),
  };
}

/** Goes anywhere and finds anything by name: pages, commands, services. Opened by Ctrl-K. */
export function Palette({ pages, onKeys, onClose }: PaletteProps) {
  const t = useTexts("frame");
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState(0);
  const dialog = useModal();
  const listId = useId();
  const search = useDeferredValue(text.trim());
  const found = useFound(search);

  const verbs: readonly (readonly [id: string, isOffered: boolean, run: () => void])[] = [
    ["startUpdate", mayAct("update"), () => go("/updates?new=?")],
    ["addUser", mayAct("manage-users"), () => go("/users?new=user")],
    ["addRole", mayAct("manage-users"), () => go("/users?show=roles&new=role")],
    ["mayI", true, () => go("/settings?tab=rights")],
    ["copyLink", true, () => void navigator.clipboard?.writeText(location.href)],
    ["keys", true, onKeys],
    ["logout", true, () => void session.logout()],
  ];
  const commands: readonly Item[] = [
    ...pages.map(({ id, path, key = "" }) => ({ id, icon: id, title: t(`pages.${id}`), hint: key === "" ? "" : `g ${key}`, run: () => go(path) })),
    ...verbs
      .filter(([, isOffered]) => isOffered)
      .map(([id, , run]) => ({ id: `do-${id}`, title: t(`commands.${id}`), hint: id === "keys" ? "?" : "", run })),
    ...(["dark", "light", "system"] as const).map((one) => ({
      id: `theme-${one}`,
      title: `${t("theme")}: ${t(`themes.${one}`)}`,
      hint: "",
      run: () => theme.set(one),
    })),
    ...LANGUAGES.map(({ language, name }) => ({
      id: `language-${language}`,
      title: `${t("language")}: ${name}`,
      hint: "",
      run: () => void chooseLanguage(language),
    })),
  ];
  const words = text.trim().toLowerCase().split(/\s+/);
  const items: readonly Item[] = [
    ...commands.filter(({ title, id }) => words.every((word) => `${title} ${id}`.toLowerCase().includes(word))).slice(0, search === "" ? 30 : 5),
    ...(search === "" ? [] : found.items),
  ];
  const current = Math.min(chosen, Math.max(0, items.length - 1));
  // biome-ignore lint/correctness/useExhaustiveDependencies: another one is chosen
  useEffect(() => {
    dialog.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" });
  }, [current, text]);
  const run = (item: Item | undefined): void => {
    if (item === undefined) return;
    onClose();
    item.run();
  };
  const onKey = (event: KeyboardEvent): void => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0) {
      event.preventDefault();
      setChosen((current + step + items.length) % Math.max(1, items.length));
    } else if (event.key === "Enter" && !event.nativeEvent.isComposing) {
      event.preventDefault();
      run(items[current]);
    }
  };
  return (
    <dialog
      ref={dialog}
      className="palette"
      aria-label={t("search")}
      onClose={onClose}
      onClick={(event) => {
        if (event.target === dialog.current) onClose();
      }}
    >
      <div className="palette-box">
        <div className="palette-field">
          <Icon name="search" />
          <input
            autoFocus
            role="combobox"
            aria-expanded="true"
            aria-controls={listId}
            aria-activedescendant={items[current] === undefined ? undefined : `${listId}-${current}`}
            aria-label={t("search")}
            placeholder={t("searchHint")}
            spellCheck={false}
            value={text}
            onChange={(event) => {
              setText(event.target.value);
              setChosen(0);
            }}
            onKeyDown={onKey}
          />
        </div>
        <ul id={listId} role="listbox" aria-label={t("search")}>
          {items.map((item, index) => (
            <li
              key={item.id}
              id={`${listId}-${index}`}
              role="option"
              aria-selected={index === current}
              onClick={() => run(item)}
              onPointerMove={() => setChosen(index)}
            >
              {item.state === undefined ? <Icon name={item.icon ?? ""} /> : <Shape severity={item.state.severity} />}
              <span className="clip">{item.title}</span>
              <span className="quiet small clip">{item.hint}</span>
            </li>
          ))}
        </ul>
        {items.length === 0 && <p className="quiet palette-none">{found.isLoading ? "…" : t("nothingFound")}</p>}
      </div>
    </dialog>
  );
}
