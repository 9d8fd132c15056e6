import type { ViewRow, ViewWish } from "../../../src/face/views/protocol.ts";
import { stream } from "./live.ts";
import { ApiError } from "./request.ts";

/** As the protocol bounds a window. */
const WINDOW_ROWS_MAX = 1_000;
/** More are not put into one file. */
export const ROWS_MAX = 10_000;
const WAIT_MS = 15_000;

type Windowed = Extract<ViewWish, { readonly of: "objects" | "callTable" }>;

/** All rows of a view as they are now, window by window; at most ROWS_MAX.
 *  @throws ApiError: the view is refused, or nothing comes */
export async function readAll<Row>(wish: Windowed): Promise<readonly ViewRow<Row>[]> {
  const rows: ViewRow<Row>[] = [];
  for (let offset = 0; offset < ROWS_MAX; offset += WINDOW_ROWS_MAX) {
    const { rows: some, total } = await readWindow<Row>({ ...wish, offset, limit: WINDOW_ROWS_MAX });
    rows.push(...some);
    if (some.length === 0 || offset + some.length >= total) break;
  }
  return rows;
}

async function readWindow<Row>(wish: Windowed): Promise<{ readonly rows: readonly ViewRow<Row>[]; readonly total: number }> {
  const handle = stream.open<Row>(wish);
  try {
    return await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new ApiError(0, "Timeout", "nothing came")), WAIT_MS);
      const look = (): void => {
        const { copy, error, cutAtMs } = handle.value;
        if (error !== undefined) reject(new ApiError(0, error.code, error.message));
        else if (copy !== undefined && cutAtMs === undefined) resolve(copy);
        else return;
        clearTimeout(timer);
        stop();
      };
      const stop = handle.subscribe(look);
      look();
    });
  } finally {
    handle.close();
  }
}
