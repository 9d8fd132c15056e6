/** Every word of the console, in both languages; switched without loading the page again. */
import i18next, { type i18n, type TOptions } from "i18next";
import { useCallback, useSyncExternalStore } from "react";

export type Language = "en" | "zh";
export const LANGUAGES: readonly { readonly language: Language; readonly name: string }[] = [
  { language: "en", name: "English" },
  { language: "zh", name: "中文" },
];
const KEY = "orrery.language";
/** In which language dates and numbers are written. */
const LOCALES: Readonly<Record<Language, string>> = { en: "en-GB", zh: "zh-CN" };

type Texts = Readonly<Record<string, unknown>>;
const LOADERS: Readonly<Record<Language, () => Promise<{ readonly texts: Readonly<Record<string, Texts>> }>>> = {
  en: () => import("./en.ts"),
  zh: () => import("./zh.ts"),
};

const words: i18n = i18next.createInstance();
let revision = 0;
const listeners = new Set<() => void>();

/** Loads the language that the person, or the browser, speaks. */
export async function startTexts(): Promise<void> {
  const kept = localStorage.getItem(KEY);
  const language: Language = kept === "en" || kept === "zh" ? kept : navigator.languages.some((one) => one.startsWith("zh")) ? "zh" : "en";
  await words.init({
    lng: language,
    fallbackLng: false,
    ns: [],
    defaultNS: "frame",
    interpolation: { escapeValue: false },
    returnNull: false,
    showSupportNotice: false,
  } as Parameters<i18n["init"]>[0]);
  await setLanguage(language, false);
}

/** Speaks the person's language. `isAlways` false: only where nobody has chosen one in this browser. */
export async function followPerson(language: Language, isAlways: boolean): Promise<void> {
  if (language !== currentLanguage() && (isAlways || localStorage.getItem(KEY) === null)) await setLanguage(language, false);
}

export function currentLanguage(): Language {
  return words.language === "zh" ? "zh" : "en";
}

export function locale(): string {
  return LOCALES[currentLanguage()];
}

/** Every part of the page speaks the other language a moment later. `isChosen`: it is kept in this browser. */
export async function setLanguage(language: Language, isChosen = true): Promise<void> {
  const { texts } = await LOADERS[language]();
  for (const [page, bundle] of Object.entries(texts)) words.addResourceBundle(language, page, bundle, true, true);
  await words.changeLanguage(language);
  if (isChosen) localStorage.setItem(KEY, language);
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  revision += 1;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export type Translate = (key: string, options?: TOptions) => string;

/** The texts of one page: `texts/en/<page>.json`, `texts/zh/<page>.json`. */
export function useTexts(page: string): Translate {
  const seen = useSyncExternalStore(subscribe, () => revision);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another language is another function
  return useCallback((key: string, options: TOptions = {}) => words.t(key, { ns: page, ...options }), [page, seen]);
}

/** `ProbeFailing` as people write it: `Probe failing`. Anything else stays as it is. */
function inWords(word: string): string {
  if (!/^[A-Z][a-z]+(?:[A-Z][a-z]+)+$/.test(word)) return word;
  return word.replace(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/** A word that the server has said, in the person's language; as it came where there is none for it. */
export function useWord(): (word: string) => string {
  const t = useTexts("words");
  return useCallback((word: string) => t(word, { defaultValue: inWords(word), keySeparator: false, nsSeparator: false }), [t]);
}
