import { type KeyboardEvent, useEffect, useLayoutEffect, useRef, useState } from "react";
import { withoutEscapes } from "../../parts/escapes.ts";
import { windowAt } from "../../parts/rows.ts";
import { useTexts } from "../../texts/index.ts";
import { type Book, type BookLine, hueOf } from "./book.ts";
import "./logs.css";

const ROW_PX = 20;
/** So near to the end one follows. */
const FOLLOW_PX = 40;
/** Of a line in the list; the whole of it stands below it when it is chosen. */
const SHOWN_CHARACTERS = 2_000;

interface LogListProps {
  readonly book: Book;
  readonly chosen: BookLine | undefined;
  readonly onChoose: (line: BookLine) => void;
  readonly onPause: () => void;
  readonly onResume: () => void;
}

/** Thousands of lines, of which those are drawn that are seen. Who scrolls up reads in peace until they say go on. */
export function LogList({ book, chosen, onChoose, onPause, onResume }: LogListProps) {
  const t = useTexts("logs");
  const box = useRef<HTMLDivElement>(null);
  const [place, setPlace] = useState({ top: 0, height: 600 });
  /** Scrolled by the page itself, not by a person. */
  const ownTop = useRef<number>(undefined);
  const { shown, isPaused } = book;
  const measure = (): void => {
    const element = box.current;
    if (element !== null) setPlace({ top: element.scrollTop, height: element.clientHeight });
  };
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => setPlace({ top: element.scrollTop, height: element.clientHeight }));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each new line moves the end
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null || isPaused) return;
    element.scrollTop = element.scrollHeight;
    ownTop.current = element.scrollTop;
  }, [shown, isPaused, place.height]);
  const onScroll = (): void => {
    const element = box.current;
    if (element === null) return;
    measure();
    if (element.scrollTop === ownTop.current) return;
    ownTop.current = undefined;
    const isAtEnd = element.scrollHeight - element.scrollTop - element.clientHeight < FOLLOW_PX;
    if (!isAtEnd) onPause();
  };
  const onKey = (event: KeyboardEvent): void => {
    const page = Math.max(1, Math.floor(place.height / ROW_PX) - 2);
    const steps: Readonly<Record<string, number>> = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: page,
      PageUp: -page,
      Home: -shown.length,
      End: shown.length,
    };
    const step = steps[event.key];
    if (step === undefined || shown.length === 0) return;
    event.preventDefault();
    if (event.key === "End") return onResume();
    const at = chosen === undefined ? -1 : shown.findIndex((line) => line.number === chosen.number);
    const next = Math.min(shown.length - 1, Math.max(0, (at < 0 ? shown.length : at) + step));
    const line = shown[next];
    const element = box.current;
    if (line === undefined || element === null) return;
    onPause();
    onChoose(line);
    if (next * ROW_PX < element.scrollTop) element.scrollTop = next * ROW_PX;
    else if ((next + 1) * ROW_PX > element.scrollTop + element.clientHeight) element.scrollTop = (next + 1) * ROW_PX - element.clientHeight;
  };
  const { offset, limit } = windowAt(place.top, place.height, ROW_PX);
  const rows = shown.slice(offset, offset + limit);
  const isDrawn = chosen !== undefined && rows.some((line) => line.number === chosen.number);
  return (
    <div
      ref={box}
      className="log log-lines"
      role="listbox"
      aria-label={t("lines")}
      aria-activedescendant={isDrawn ? `line-${chosen.number}` : undefined}
      tabIndex={0}
      onScroll={onScroll}
      // A line that comes between the wheel and the scrolling would take the reader back to the end.
      onWheel={({ deltaY }) => {
        if (deltaY < 0) onPause();
      }}
      onKeyDown={onKey}
    >
      <div role="presentation" style={{ height: shown.length * ROW_PX, paddingTop: offset * ROW_PX }}>
        {rows.map((line) => (
          <div
            key={line.number}
            id={`line-${line.number}`}
            className={`log-row hue-${hueOf(line.instance)}`}
            role="option"
            aria-selected={line.number === chosen?.number}
            onClick={() => onChoose(line)}
          >
            <span className="quiet">{line.at === undefined ? "–" : line.at.slice(11, 23)}</span>
            <span className="log-who clip" title={line.instance}>
              {withoutEscapes(line.instance)}
            </span>
            <span className="log-text">{withoutEscapes(line.text.slice(0, SHOWN_CHARACTERS))}</span>
          </div>
        ))}
      </div>
    </div>
  );
}
