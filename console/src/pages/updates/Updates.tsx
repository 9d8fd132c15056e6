import { useMemo, useState } from "react";
import { useObject, useView } from "../../api/live.ts";
import { splitKey } from "../../api/objects.ts";
import { mayAct } from "../../api/session.ts";
import { useParam } from "../../frame/location.ts";
import { Age } from "../../parts/Age.tsx";
import { DeedLine } from "../../parts/DeedLine.tsx";
import { type Deeds, useDeed } from "../../parts/deeds.ts";
import { Lanes } from "../../parts/lanes/Lanes.tsx";
import { isOver, type LanesRow, type LanesView, readLanes, type UpdateRecord } from "../../parts/lanes/model.ts";
import { Phases } from "../../parts/lanes/Phases.tsx";
import { PageHead } from "../../parts/PageHead.tsx";
import { Standing } from "../../parts/Standing.tsx";
import { useWhy } from "../../parts/Why.tsx";
import { useTexts, useWord } from "../../texts/index.ts";
import { History } from "./History.tsx";
import { NewUpdate } from "./NewUpdate.tsx";
import { Steering } from "./Steering.tsx";
import { UpdateDrawer } from "./UpdateDrawer.tsx";
import "./updates.css";
import { shortRevision } from "./versions.ts";
import { NO_WISH, type Way, wishLike } from "./wish.ts";

/** Where is the update, why does it wait? Lanes of what is under way, then what was. */
export default function Updates() {
  const t = useTexts("updates");
  const live = useView<LanesRow>({ of: "update" });
  const view = useMemo(() => readLanes(live.rows), [live.rows]);
  const [open, setOpen] = useParam("open");
  const [wanted, setWanted] = useParam("new");
  const [to, setTo] = useParam("to");
  const [like, setLike] = useParam("like");
  const [way, setWay] = useParam("way");
  const deeds = useDeed(view);
  const why = useWhy();
  const close = (): void => {
    for (const forget of [setWanted, setLike, setWay]) forget("");
  };
  const running = view?.updates.filter((update) => !isOver(update)) ?? [];
  return (
    <div className={`with-drawer${open === "" ? "" : " has-drawer is-narrow"}`}>
      <div className="page is-long">
        <PageHead
          title={t("title")}
          isStale={live.isStale}
          actions={
            mayAct("update") && (
              <button type="button" className="button is-first" onClick={() => setWanted("?")}>
                {t("start")}
              </button>
            )
          }
        >
          {view === undefined ? (
            ""
          ) : view.generation === undefined ? (
            t("nothingServed")
          ) : (
            <>
              {t("serves", { generation: view.generation })} {why({ ...view.settled, name: t("theSite") })}
            </>
          )}
        </PageHead>
        <DeedLine deed={deeds.deed} onDismiss={deeds.dismiss} />
        {running.map((update) => (
          <section key={update.metadata.name} className="running" aria-label={update.metadata.name}>
            <div className="running-head">
              <h2>{update.spec.services.map(({ name, to }) => `${name} → ${shortRevision(name, to)}`).join(", ")}</h2>
              <span className="quiet small">
                {update.metadata.name}
                {update.status?.by !== undefined && ` · ${t("by", { by: update.status.by })}`}
                {update.spec.message !== undefined && ` · ${update.spec.message}`}
              </span>
              <div className="page-actions">
                <Steering update={update} deeds={deeds} />
              </div>
            </div>
            <Phases update={update} />
          </section>
        ))}
        <Standing live={{ ...live, total: view === undefined ? 0 : 1 }} empty={t("empty")} command="./orrery up">
          {view !== undefined && <Lanes view={view} isStale={live.isStale} />}
        </Standing>
        {view !== undefined && view.generations.length > 1 && <Generations view={view} />}
        <History />
      </div>
      {open !== "" && <UpdateDrawer name={open} onClose={() => setOpen("")} />}
      {wanted !== "" && (
        <NewUpdate
          first={{ ...NO_WISH, targets: [{ name: wanted === "?" ? "" : wanted, to }] }}
          deeds={deeds}
          onClose={() => {
            close();
            setTo("");
          }}
        />
      )}
      {like !== "" && wanted === "" && <LikeUpdate of={like} way={way === "back" ? "back" : "again"} deeds={deeds} onClose={close} />}
    </div>
  );
}

/** The generations that transactions still have. */
function Generations({ view }: { readonly view: LanesView }) {
  const t = useTexts("updates");
  const word = useWord();
  const [isOpen, setOpen] = useState(true);
  return (
    <section className="generations">
      <h2>
        <button type="button" className="button is-bare is-small" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          {t("generations", { count: view.generations.length })}
        </button>
      </h2>
      {isOpen && (
        <table className="plain-table">
          <thead>
            <tr>
              <th scope="col">{t("generation")}</th>
              <th scope="col">{t("phase")}</th>
              <th scope="col" className="number">
                {t("since")}
              </th>
              <th scope="col" className="number">
                {t("transactions")}
              </th>
              <th scope="col" className="number">
                {t("calls")}
              </th>
            </tr>
          </thead>
          <tbody>
            {view.generations.map(({ number, phase, since, transactions, calls }) => (
              <tr key={number}>
                <td>g&#8201;{number}</td>
                <td>{word(phase)}</td>
                <td className="number">
                  <Age at={Date.parse(since)} />
                </td>
                <td className="number">{transactions ?? "?"}</td>
                <td className="number">{calls ?? "?"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

interface LikeUpdateProps {
  /** Key of an update of the history. */
  readonly of: string;
  readonly way: Way;
  readonly deeds: Deeds<LanesView | undefined>;
  readonly onClose: () => void;
}

/** Asks for the state that an update of the history made, or found. */
function LikeUpdate({ of, way, deeds, onClose }: LikeUpdateProps) {
  const { namespace, name } = splitKey(of);
  const { object } = useObject<UpdateRecord>("updates", name, namespace);
  if (object === undefined) return null;
  return <NewUpdate key={`${of} ${way}`} first={wishLike(object, way)} way={way} deeds={deeds} onClose={onClose} />;
}
