import type { Pages } from "#/face/pages/index.ts";
import { type Exchange, headerOf, type Reply } from "./exchange.ts";

/** Answers what is asked for below /console: the console's files, for everybody. */
export async function serveConsole({ request, path }: Exchange, pages: Pages): Promise<Reply> {
  const isFolder = !/^\/+console(?:$|\?)/.test(request.url ?? "");
  return await pages.answer({ path: isFolder ? path.slice(1) : undefined, header: (name) => headerOf(request, name) });
}
