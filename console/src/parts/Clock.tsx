import { useNow } from "../api/live.ts";
import { timeTitle } from "./Age.tsx";
import { dayOfYear, utcText } from "./durations.ts";

/** UTC by the server's clock, with the day of the year. */
export function Clock() {
  const now = useNow();
  const text = utcText(now);
  return (
    <time className="clock" dateTime={new Date(now).toISOString()} title={timeTitle(now)}>
      <b>{text.slice(11)}</b>
      <span className="quiet">
        UTC <span className="clock-day">{text.slice(0, 10)}</span> · {String(dayOfYear(now)).padStart(3, "0")}
      </span>
    </time>
  );
}
