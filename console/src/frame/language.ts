import { ApiError } from "../api/request.ts";
import { session } from "../api/session.ts";
import { type Language, setLanguage } from "../texts/index.ts";

/** Speaks `language` from now on, here and wherever this person logs in. Returns why it is kept in this browser alone. */
export async function chooseLanguage(language: Language): Promise<string | undefined> {
  await setLanguage(language);
  try {
    await session.keepLanguage(language);
    return undefined;
  } catch (error) {
    return error instanceof ApiError ? error.message : String(error);
  }
}
