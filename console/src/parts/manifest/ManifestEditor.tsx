import { type ReactNode, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { deleteObject, objectPath } from "../../api/objects.ts";
import { mayEdit } from "../../api/rights.ts";
import { useTexts } from "../../texts/index.ts";
import { Ask } from "../Ask.tsx";
import { DeedLine } from "../DeedLine.tsx";
import { type Deeds, type Doing, useDeed } from "../deeds.ts";
import { Difference } from "../difference/Difference.tsx";
import { Forecast } from "../Forecast.tsx";
import { ForecastWords } from "../forecast/ForecastWords.tsx";
import { countsOf, type ForecastAnswer } from "../forecast/forecast.ts";
import { CodeEditor } from "./CodeEditor.tsx";
import { hasSecrets, type ObjectText, readManifest, rebased, same, textOf, wishOf, yamlOf } from "./document.ts";
import { keepDraft, readDraft } from "./drafts.ts";
import { Secrets } from "./Secrets.tsx";
import { makeObject, replaceObject, type Target, WrittenMeanwhile } from "./save.ts";
import { useSchema } from "./use-schema.ts";
import { type Check, useCheck } from "./useCheck.ts";
import "./manifest.css";

/** Of an object as it is and as it would be; nothing, where there is nothing to say. */
export type ManifestEffect = (
  before: Readonly<Record<string, unknown>> | undefined,
  after: Readonly<Record<string, unknown>> | undefined,
) => ReactNode;

export interface ManifestEditorProps extends Target {
  readonly kind: string;
  /** As it is; undefined: it is to be made, of `template`. */
  readonly object: ObjectText | undefined;
  /** Of what is to be made. */
  readonly template?: string;
  /** Whether what was written has come about, by what the page sees; default: the API has taken it. */
  readonly isSeen?: (written: ObjectText, seen: ObjectText) => boolean;
  /** Why it has come to nothing, by what the page sees. */
  readonly failure?: (written: ObjectText, seen: ObjectText) => string | undefined;
  /** What would come of it beside what the API foretells, in the words of its page. `after` undefined: it is deleted. */
  readonly effect?: ManifestEffect;
  /** It was made. */
  readonly onMade?: (object: ObjectText) => void;
}

/** The manifest of one object: edited, checked while one types, shown as a difference and with what would come of it, then written and followed until it is there. */
export default function ManifestEditor(props: ManifestEditorProps) {
  const { resource, namespace, name, kind, object, template = "" } = props;
  const t = useTexts("manifest");
  const key = `${resource}/${namespace}/${name}`;
  const told = object === undefined ? template : textOf(object);
  const draft = readDraft(key);
  const [base, setBase] = useState(draft?.base ?? told);
  const [text, setText] = useState(draft?.text ?? told);
  const [writtenVersion, setWrittenVersion] = useState(0);
  // What the page was told before it heard of what was written here is no news.
  const live = object !== undefined && Number(object.metadata.resourceVersion) < writtenVersion ? base : told;
  const [given, setGiven] = useState({ text });
  const typed = useRef(text);
  typed.current = text;
  // In place of what stands in the editor, which else has the last word: what is typed is known here only a moment later.
  const put = useCallback((next: string): void => {
    setText(next);
    setGiven({ text: next });
  }, []);
  const [isReviewing, setReviewing] = useState(false);
  const [isDeleting, setDeleting] = useState(false);
  const [goTo, setGoTo] = useState<{ readonly position: number }>();
  const isNew = object === undefined;
  const isChanged = isNew || text !== base;
  const isTheirs = !isNew && live !== base;
  const deeds = useDeed(object);
  const schema = useSchema(kind);
  const check = useCheck(text, isChanged, object);
  const mayWrite = mayEdit(resource, isNew ? "create" : "update");
  const hasTyped = isNew ? text !== template : isChanged;

  useEffect(() => keepDraft(key, hasTyped ? { text, base } : undefined), [key, text, base, hasTyped]);
  // Whoever has typed nothing sees what is there.
  useEffect(() => {
    if (isChanged || live === base) return;
    setBase(live);
    put(live);
  }, [live, base, isChanged, put]);

  const takeOver = useCallback(() => {
    const [mine, theirs, before] = [readManifest(text).object, readManifest(live).object, readManifest(base).object];
    if (mine !== undefined) put(yamlOf(rebased(before, mine, theirs)));
    setBase(live);
    setReviewing(false);
  }, [text, live, base, put]);
  const drop = useCallback(() => {
    setBase(live);
    put(live);
    setReviewing(false);
  }, [live, put]);
  const review = (): void => {
    if (check.problems.length > 0) setGoTo({ position: check.problems[0]?.from ?? 0 });
    // What would come of it may still be asked: the review stands there as soon as that is told.
    else if (isChanged && !isTheirs && check.unknown === undefined) setReviewing(true);
  };
  const isRefused = check.problems.length > 0 || check.unknown !== undefined;
  useEffect(() => {
    if (isRefused) setReviewing(false);
  }, [isRefused]);
  const type = useCallback((next: string): void => {
    setText(next);
    setReviewing(false);
  }, []);

  const write = (reason: string): void => {
    const wish = check.manifest.object;
    if (wish === undefined) return;
    const title = t(isNew ? "deeds.make" : "deeds.write", { kind, name: nameOf(wish) ?? name });
    const begun = readManifest(base).object as unknown as ObjectText;
    let written: ObjectText | undefined;
    const doing: Doing<ObjectText | undefined> = {
      title,
      send: async () => {
        if (isNew) {
          written = await makeObject({ resource, namespace }, wish, reason);
          keepDraft(key, undefined);
          props.onMade?.(written);
          return;
        }
        try {
          written = await replaceObject({ resource, namespace, name }, wish, begun, reason);
        } catch (error) {
          if (error instanceof WrittenMeanwhile) throw new Error(t("writtenMeanwhile"));
          throw error;
        }
        const is = textOf(written);
        setWrittenVersion(Number(written.metadata.resourceVersion));
        setBase(is);
        // Whoever goes on typing meanwhile goes on from there.
        if (typed.current === text) put(is);
      },
      ...(!isNew && {
        isSeen: (seen: ObjectText | undefined) =>
          seen !== undefined && written !== undefined && isThere(written, seen) && (props.isSeen?.(written, seen) ?? true),
        failure: (seen: ObjectText | undefined) =>
          seen === undefined || written === undefined || !isThere(written, seen) ? undefined : props.failure?.(written, seen),
      }),
      doneText: t(isNew ? "made" : "isThere"),
    };
    setReviewing(false);
    void deeds.run(doing);
  };

  const remove = (reason: string): Promise<string | undefined> => {
    keepDraft(key, undefined);
    return deeds.run({
      title: t("deeds.remove", { kind, name }),
      send: () => deleteObject({ resource, namespace, name }, reason),
      isSeen: (seen) => seen === undefined,
      doneText: t("removed"),
    });
  };

  const isAway = isReviewing && check.told !== undefined;
  return (
    <div className="manifest">
      <DeedLine deed={deeds.deed} onDismiss={deeds.dismiss} />
      {isTheirs && isChanged && <Conflict before={base} after={live} onTakeOver={takeOver} onDrop={drop} />}
      {isAway && check.told !== undefined && (
        <Review
          before={isNew ? "" : base}
          after={text}
          told={check.told}
          effect={props.effect?.(isNew ? undefined : readManifest(base).object, check.manifest.object)}
          isNew={isNew}
          onBack={() => setReviewing(false)}
          onWrite={write}
          isHeld={isTheirs}
        />
      )}
      <div className="manifest-edit" hidden={isAway}>
        <CodeEditor
          text={text}
          given={given}
          onText={type}
          onDone={review}
          problems={check.problems}
          schema={schema}
          label={t("manifestOf", { kind, name })}
          isReadOnly={!mayWrite}
          isUnsaved={hasTyped}
          goTo={goTo}
          isAway={isAway}
        />
        <Foot check={check} isChanged={isChanged} isNew={isNew} onProblem={(position) => setGoTo({ position })}>
          {!isNew && mayEdit(resource, "delete") && !hasTyped && (
            <button type="button" className="button is-bare" onClick={() => setDeleting(true)}>
              {t("remove")}
            </button>
          )}
          {!isNew && hasSecrets(object) && <Secrets target={{ resource, namespace, name }} run={deeds.run as Deeds<unknown>["run"]} />}
          {hasTyped && (
            <button type="button" className="button" onClick={drop}>
              {t("discard")}
            </button>
          )}
          {mayWrite && (
            <button
              type="button"
              className="button is-first"
              disabled={!isChanged || isTheirs || check.told === undefined || check.problems.length > 0}
              onClick={() => setReviewing(true)}
            >
              {t("review")}
            </button>
          )}
        </Foot>
      </div>
      {isDeleting && (
        <Ask
          title={t("removeTitle", { kind, name })}
          verb={t("removeVerb", { name })}
          isDanger
          typed={name}
          onAnswer={remove}
          onClose={() => setDeleting(false)}
        >
          <p className="quiet">{t("removeEffect")}</p>
          {props.effect?.(readManifest(base).object, undefined)}
          <Forecast request={{ method: "DELETE", path: objectPath({ resource, namespace, name }) }} />
        </Ask>
      )}
    </div>
  );
}

function nameOf(wish: Readonly<Record<string, unknown>>): string | undefined {
  const { name } = (wish["metadata"] ?? {}) as { readonly name?: unknown };
  return typeof name === "string" ? name : undefined;
}

/** What was written is what the page sees, or what came after it. */
function isThere(written: ObjectText, seen: ObjectText): boolean {
  return (
    seen.metadata.uid === written.metadata.uid &&
    (same(wishOf(seen), wishOf(written)) || Number(seen.metadata.resourceVersion) >= Number(written.metadata.resourceVersion))
  );
}

interface FootProps {
  readonly check: Check;
  readonly isChanged: boolean;
  readonly isNew: boolean;
  readonly onProblem: (position: number) => void;
  readonly children: ReactNode;
}

/** How the text stands: its problems, or in one line what would come of it. */
function Foot({ check, isChanged, isNew, onProblem, children }: FootProps) {
  const t = useTexts("manifest");
  const { problems, told, isAsking, unknown } = check;
  const known = useMemo(() => problems.slice(0, 5), [problems]);
  return (
    <div className="manifest-foot">
      <div className="manifest-state" role="status" aria-busy={isAsking}>
        {known.map(({ from, message }) => (
          <button key={`${from}${message}`} type="button" className="problem" onClick={() => onProblem(from)}>
            {WORDED.includes(message) ? t(`problems.${message.replace(" ", "")}`) : message}
          </button>
        ))}
        {problems.length > known.length && <span className="quiet small">{t("more", { count: problems.length - known.length })}</span>}
        {problems.length === 0 && (
          <span className="quiet small">
            {unknown !== undefined
              ? t("notTold", { why: unknown })
              : !isChanged
                ? t("unchanged")
                : isAsking
                  ? t("asking")
                  : told === undefined
                    ? ""
                    : summary(told, isNew, t)}
          </span>
        )}
      </div>
      <div className="manifest-actions">{children}</div>
    </div>
  );
}

/** Problems of ours, which have words in each language; all others are said by the parser or the API. */
const WORDED: readonly string[] = ["empty", "several", "no map"];

function summary(told: ForecastAnswer, isNew: boolean, t: ReturnType<typeof useTexts>): string {
  if (told.objects[0]?.outcome === "unchanged") return t("nothingChanges");
  const { starts, stops } = countsOf(told);
  const waits = told.updates.reduce((sum, one) => sum + one.waits.length, 0);
  const held = told.updates.some((one) => one.held !== undefined);
  const parts = [
    t(isNew ? "isRight" : "isRight"),
    ...(starts > 0 ? [t("summary.starts", { count: starts })] : []),
    ...(stops > 0 ? [t("summary.stops", { count: stops })] : []),
    ...(held ? [t("summary.holds")] : []),
    ...(waits > 0 ? [t("summary.waits", { count: waits })] : []),
  ];
  return parts.join(" · ");
}

interface ConflictProps {
  readonly before: string;
  readonly after: string;
  readonly onTakeOver: () => void;
  readonly onDrop: () => void;
}

/** Somebody else has written it: what, and how one goes on. What was typed stays. */
function Conflict({ before, after, onTakeOver, onDrop }: ConflictProps) {
  const t = useTexts("manifest");
  return (
    <section className="note is-warn conflict" role="alert" aria-label={t("conflict")}>
      <p>
        <b>{t("conflict")}</b> {t("conflictNext")}
      </p>
      <Difference before={before} after={after} label={t("theirChange")} />
      <p className="conflict-answers">
        <button type="button" className="button is-small is-first" onClick={onTakeOver}>
          {t("takeOver")}
        </button>
        <button type="button" className="button is-small" onClick={onDrop}>
          {t("dropMine")}
        </button>
      </p>
    </section>
  );
}

interface ReviewProps {
  readonly before: string;
  readonly after: string;
  readonly told: ForecastAnswer;
  readonly effect: ReactNode;
  readonly isNew: boolean;
  readonly onBack: () => void;
  readonly onWrite: (reason: string) => void;
  /** Not to be written yet: another has written it. */
  readonly isHeld: boolean;
}

/** Before it is written: what differs, and what will come of it. */
function Review({ before, after, told, effect, isNew, onBack, onWrite, isHeld }: ReviewProps) {
  const t = useTexts("manifest");
  const frame = useTexts("frame");
  const [reason, setReason] = useState("");
  const head = useRef<HTMLHeadingElement>(null);
  // Whoever came by a key goes on from here by Tab. Not in the field: a key that is held would write unread.
  useEffect(() => {
    head.current?.focus();
  }, []);
  return (
    <form
      className="review"
      onSubmit={(event) => {
        event.preventDefault();
        onWrite(reason.trim());
      }}
    >
      <h3 ref={head} tabIndex={-1}>
        {t("wouldCome")}
      </h3>
      <ForecastWords told={told} />
      {effect}
      <h3>{t("whatDiffers")}</h3>
      <Difference before={before} after={after} label={t("yourChange")} />
      <label className="field">
        <span>{frame("reason")}</span>
        <input
          className="input"
          value={reason}
          maxLength={500}
          placeholder={frame("reasonHint")}
          onChange={(event) => setReason(event.target.value)}
        />
      </label>
      <div className="manifest-actions">
        <button type="button" className="button" onClick={onBack}>
          {t("back")}
        </button>
        <button type="submit" className="button is-first" disabled={isHeld}>
          {t(isNew ? "make" : "write")}
        </button>
      </div>
    </form>
  );
}
