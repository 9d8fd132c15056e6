import { type KeyboardEvent, useDeferredValue, useEffect, useId, useRef, useState } from "react";
import type { TableRow } from "../../../src/face/views/protocol.ts";
import { useView } from "../api/live.ts";
import type { PageEntry } from "../pages/index.ts";
import { Shape } from "../parts/State.tsx";
import { LANGUAGES, useTexts } from "../texts/index.ts";
import { Icon } from "./icons.tsx";
import { chooseLanguage } from "./language.ts";
import { go } from "./location.ts";
import { theme } from "./look.ts";

const FOUND_MAX = 12;

interface Item {
  readonly id: string;
  readonly title: string;
  readonly hint: string;
  readonly icon?: string;
  readonly state?: TableRow["state"];
  readonly run: () => void;
}

/** Goes anywhere and finds anything by name: pages, commands, services. Opened by Ctrl-K. */
export function Palette({ pages, onClose }: { readonly pages: readonly PageEntry[]; readonly onClose: () => void }) {
  const t = useTexts("frame");
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState(0);
  const dialog = useRef<HTMLDialogElement>(null);
  const listId = useId();
  const search = useDeferredValue(text.trim());
  const found = useView<TableRow>(
    search === "" ? undefined : { of: "objects", resource: "microservices", search, limit: FOUND_MAX, columns: [".status.servedVersion"] },
  );
  useEffect(() => {
    dialog.current?.showModal();
  }, []);

  const commands: readonly Item[] = [
    ...pages.map(({ id, path, key = "" }) => ({ id, icon: id, title: t(`pages.${id}`), hint: key === "" ? "" : `g ${key}`, run: () => go(path) })),
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
    ...commands.filter(({ title, id }) => words.every((word) => `${title} ${id}`.toLowerCase().includes(word))).slice(0, search === "" ? 20 : 5),
    ...(search === ""
      ? []
      : found.rows.map(({ key, row }) => ({
          id: key,
          title: row.name,
          hint: `${t("service")} ${String(row.cells[0] ?? "")}`,
          state: row.state,
          run: () => go(`/services?open=${row.namespace ?? "default"}/${row.name}`),
        }))),
  ];
  const current = Math.min(chosen, Math.max(0, items.length - 1));
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
