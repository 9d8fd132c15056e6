/** The sound of a new alarm, which each browser switches on for itself. */
import { Notice } from "../api/notice.ts";

const LOUD_KEY = "orrery.loud";

/** Whether a new alarm is heard. */
export const isLoud: Notice<boolean> = new Notice(localStorage.getItem(LOUD_KEY) === "yes");
isLoud.subscribe(() => {
  localStorage.setItem(LOUD_KEY, isLoud.value ? "yes" : "no");
  // Heard at once, so that one knows that it can be: browsers let no page sound before somebody has touched it.
  if (isLoud.value) ring();
});

/** Alarms that nobody has acknowledged, for the title of the page. */
export const newAlarms: Notice<number> = new Notice(0);

let context: AudioContext | undefined;

/** Two short tones. */
export function ring(): void {
  try {
    context ??= new AudioContext();
    const now = context.currentTime;
    for (const [index, frequency] of [880, 660].entries()) {
      const tone = context.createOscillator();
      const volume = context.createGain();
      tone.frequency.value = frequency;
      volume.gain.setValueAtTime(0.2, now + index * 0.18);
      volume.gain.exponentialRampToValueAtTime(0.001, now + index * 0.18 + 0.16);
      tone.connect(volume).connect(context.destination);
      tone.start(now + index * 0.18);
      tone.stop(now + index * 0.18 + 0.17);
    }
  } catch {
    // A machine without sound.
  }
}
