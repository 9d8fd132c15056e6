/** Merges texts of several sources into one stream of whole lines, each line with its source's prefix. A source is read on only after what it gave was taken. Sources may be added while it runs. */
export class MergedLines implements AsyncIterable<string> {
  readonly #texts: { readonly text: string; readonly taken: () => void }[] = [];
  #running = 0;
  #isSealed = false;
  #wake: () => void = () => {};

  /** Adds a source. Its failure becomes a line of its own. */
  add(prefix: string, source: AsyncIterable<string>): void {
    this.#running += 1;
    void this.#pump(prefix, source).finally(() => {
      this.#running -= 1;
      this.#wake();
    });
  }

  /** No more sources will be added: the merge ends with the last of them. */
  seal(): void {
    this.#isSealed = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<string, void, undefined> {
    for (;;) {
      const next = this.#texts.shift();
      if (next !== undefined) {
        yield next.text;
        next.taken();
      } else if (this.#isSealed && this.#running === 0) return;
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }

  async #pump(prefix: string, source: AsyncIterable<string>): Promise<void> {
    let rest = "";
    try {
      for await (const text of source) {
        const lines = (rest + text).split("\n");
        rest = lines.pop() ?? "";
        if (lines.length > 0) await this.#put(lines.map((line) => `${prefix}${line}\n`).join(""));
      }
    } catch (error) {
      rest = `${rest === "" ? "" : `${rest}\n${prefix}`}(cannot be read: ${error instanceof Error ? error.message : String(error)})`;
    }
    if (rest !== "") await this.#put(`${prefix}${rest}\n`);
  }

  #put(text: string): Promise<void> {
    return new Promise((taken) => {
      this.#texts.push({ text, taken });
      this.#wake();
    });
  }
}
