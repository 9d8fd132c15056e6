import { Fragment, useMemo } from "react";
import { useTexts } from "../../texts/index.ts";
import { differenceOf, isDifferent, stretchesOf } from "./lines.ts";
import "./difference.css";

interface DifferenceProps {
  readonly before: string;
  readonly after: string;
  readonly label: string;
}

/** What was and what would be, line by line, around what differs. */
export function Difference({ before, after, label }: DifferenceProps) {
  const t = useTexts("manifest");
  const lines = useMemo(() => differenceOf(before, after), [before, after]);
  if (!isDifferent(lines)) return <p className="quiet">{t("sameText")}</p>;
  const [gone, fresh] = [lines.filter(({ is }) => is === "gone").length, lines.filter(({ is }) => is === "new").length];
  return (
    <figure className="difference">
      <figcaption className="quiet small">
        {label} <span className="number">−{gone}</span> <span className="number">+{fresh}</span>
      </figcaption>
      <div className="difference-lines" tabIndex={0} role="group" aria-label={label}>
        {stretchesOf(lines).map((stretch, index) => (
          <Fragment key={`${stretch[0]?.is}${stretch[0]?.number}`}>
            {index > 0 && <div className="difference-gap" aria-hidden="true" />}
            {stretch.map(({ is, number, text }) => {
              const Line = is === "gone" ? "del" : is === "new" ? "ins" : "span";
              return (
                <Line key={`${is}${number}`} className={`difference-line is-${is}`}>
                  <span className="difference-number">{number}</span>
                  <span className="difference-sign" aria-hidden="true">
                    {is === "gone" ? "−" : is === "new" ? "+" : " "}
                  </span>
                  <span className="difference-text">
                    {/^\s*/.exec(text)?.[0]}
                    <span>{text.trimStart()}</span>
                  </span>
                </Line>
              );
            })}
          </Fragment>
        ))}
      </div>
    </figure>
  );
}
