import { useEffect, useLayoutEffect, useRef, useState } from "react";
import type { LogRow, StreamError } from "../../../src/face/views/protocol.ts";
import { stream } from "../api/live.ts";
import { useTexts } from "../texts/index.ts";
import { withoutEscapes } from "./escapes.ts";

const KEPT_MAX = 2_000;
/** So near to the end one follows. */
const FOLLOW_PX = 40;

interface LogTailProps {
  readonly namespace?: string;
  readonly services?: readonly string[];
  readonly instances?: readonly string[];
}

interface KeptLine extends LogRow {
  readonly number: number;
}

/** What instances write, as it comes, merged by time. Who scrolls up reads in peace: new lines are counted, not pushed in. */
export function LogTail({ namespace, services, instances }: LogTailProps) {
  const t = useTexts("frame");
  const [lines, setLines] = useState<readonly KeptLine[]>([]);
  const [isFollowing, setFollowing] = useState(true);
  const [error, setError] = useState<StreamError>();
  const [text, setText] = useState("");
  const box = useRef<HTMLDivElement>(null);
  const count = useRef(0);
  const wish = JSON.stringify({ of: "log", namespace, services, instances, ...(text !== "" && { text: [text], ignoreCase: true }) });
  useEffect(() => {
    setLines([]);
    const handle = stream.open(JSON.parse(wish));
    handle.onLines = ({ lines: came, fresh }) => {
      const numbered = came.map((line) => ({ ...line, number: count.current++ }));
      setLines((before) => (fresh === true ? numbered : [...before, ...numbered]).slice(-KEPT_MAX));
    };
    const stop = handle.subscribe(() => setError(handle.value.error));
    return () => {
      stop();
      handle.close();
    };
  }, [wish]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each new line moves the end
  useLayoutEffect(() => {
    if (isFollowing) box.current?.scrollTo({ top: box.current.scrollHeight });
  }, [lines, isFollowing]);
  const onScroll = (): void => {
    const element = box.current;
    if (element !== null) setFollowing(element.scrollHeight - element.scrollTop - element.clientHeight < FOLLOW_PX);
  };
  return (
    <div className="tail">
      <input
        className="input search"
        type="search"
        aria-label={t("logSearch")}
        placeholder={t("logSearch")}
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      {error !== undefined && (
        <p className="note is-bad" role="alert">
          {error.message}
        </p>
      )}
      <div ref={box} className="log" role="log" aria-live="off" aria-label={t("log")} tabIndex={0} onScroll={onScroll}>
        {lines.map(({ number, at, instance, text: line }) => (
          <div key={number} className="log-line">
            <span title={at}>{at === undefined ? "" : at.slice(11, 19)}</span>
            <span className="clip" title={instance}>
              {instance}
            </span>
            <span>{withoutEscapes(line)}</span>
          </div>
        ))}
      </div>
      <div className="tail-foot">
        <span>{t("lines", { count: lines.length })}</span>
        <button type="button" className="button is-small" aria-pressed={isFollowing} onClick={() => setFollowing(!isFollowing)}>
          {isFollowing ? t("following") : t("follow")}
        </button>
      </div>
    </div>
  );
}
