import { type ReactNode, useCallback, useState } from "react";
import { currentLanguage, useTexts } from "../texts/index.ts";
import { withoutEscapes } from "./escapes.ts";
import { factsOf } from "./reasons.ts";

interface WhyProps {
  readonly reason: string;
  /** What it is about: an object, or what is waited for. */
  readonly name: string;
  /** As the server wrote it, English. */
  readonly message: string;
}

/** Why something is as it is. The server's own sentences are English: in another language stands what the reason means, with the figures of the message, which itself is one press away. What has no sentence stays as it came. */
export function useWhy(): (why: WhyProps) => ReactNode {
  const t = useTexts("reasons");
  return useCallback(
    ({ reason, name, message }) => {
      const meant = currentLanguage() === "en" ? "" : t(`meant.${reason}`, { name, object: name, defaultValue: "" });
      return meant === "" ? withoutEscapes(message) : <Meant text={meant} message={message} />;
    },
    [t],
  );
}

function Meant({ text, message }: { readonly text: string; readonly message: string }) {
  const t = useTexts("reasons");
  const [isOriginal, setOriginal] = useState(false);
  const facts = factsOf(message).map(({ code, args }) => t(`facts.${code}`, args));
  return (
    <>
      {text}
      {facts.length > 0 && `（${facts.join("；")}）`}
      {message !== "" && (
        <>
          {" "}
          <button type="button" className="link small" aria-expanded={isOriginal} onClick={() => setOriginal(!isOriginal)}>
            {t(isOriginal ? "hideOriginal" : "original")}
          </button>
        </>
      )}
      {isOriginal && (
        <span className="why-original quiet" lang="en">
          {withoutEscapes(message)}
        </span>
      )}
    </>
  );
}
