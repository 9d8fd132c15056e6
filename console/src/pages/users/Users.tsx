import { useCallback, useDeferredValue, useMemo } from "react";
import type { TableRow, ViewRow } from "../../../../src/face/views/protocol.ts";
import { useObject } from "../../api/live.ts";
import { mayAct, session } from "../../api/session.ts";
import { useParam } from "../../frame/location.ts";
import { Age } from "../../parts/Age.tsx";
import { type Column, DataTable, type Sort, type TableWish } from "../../parts/DataTable.tsx";
import { DeedLine } from "../../parts/DeedLine.tsx";
import { useDeed } from "../../parts/deeds.ts";
import { PageHead } from "../../parts/PageHead.tsx";
import { State } from "../../parts/State.tsx";
import { useTexts } from "../../texts/index.ts";
import { type Grant, grantText, type UserObject } from "./people.ts";
import { Roles } from "./Roles.tsx";
import { UserDrawer } from "./UserDrawer.tsx";
import { UserQuestion } from "./UserQuestion.tsx";
import { useRoles } from "./useRoles.ts";
import "./users.css";

const PATHS = [".spec.displayName", ".spec.roles", ".spec.groups", ".spec.disabled", ".status.lastSeen", ".metadata.creationTimestamp"];
type Cells = readonly [
  displayName: string | null,
  roles: readonly Grant[] | null,
  groups: readonly string[] | null,
  disabled: boolean | null,
  lastSeen: string | null,
  createdAt: string | null,
];

/** Who may do what here? People and their rights; the roles that give them. */
export default function Users() {
  const t = useTexts("users");
  const [show, setShow] = useParam("show", "people");
  const [, setOpen] = useParam("open");
  const [wanted, setWanted] = useParam("new");
  const isRoles = show === "roles";
  const [open] = useParam("open");
  const mayManage = mayAct("manage-users");
  return (
    <div className={`with-drawer${open === "" || isRoles ? "" : " has-drawer is-narrow"}`}>
      <div className="page">
        <PageHead
          title={t("title")}
          actions={
            mayManage && (
              <button type="button" className="button is-first" onClick={() => setWanted(isRoles ? "role" : "user")}>
                {isRoles ? t("addRole") : t("addUser")}
              </button>
            )
          }
        >
          {isRoles ? t("rolesSentence") : t("peopleSentence")}
        </PageHead>
        <div className="tools">
          <div className="choice" role="group" aria-label={t("title")}>
            {(["people", "roles"] as const).map((one) => (
              <button
                key={one}
                type="button"
                aria-pressed={isRoles === (one === "roles")}
                onClick={() => {
                  setOpen("");
                  setShow(one, { isStep: true });
                }}
              >
                {t(`shows.${one}`)}
              </button>
            ))}
          </div>
          {!isRoles && <Search />}
        </div>
        {isRoles ? <Roles wanted={wanted} onWanted={setWanted} /> : <People wanted={wanted} onWanted={setWanted} />}
      </div>
      {open !== "" && !isRoles && <UserDrawer name={open} onClose={() => setOpen("")} />}
    </div>
  );
}

function Search() {
  const t = useTexts("users");
  const [search, setSearch] = useParam("q");
  const [only, setOnly] = useParam("only");
  return (
    <>
      <input
        className="input search"
        type="search"
        data-search=""
        aria-label={t("search")}
        placeholder={t("search")}
        spellCheck={false}
        value={search}
        onChange={(event) => setSearch(event.target.value)}
      />
      <button type="button" className="state-chip" aria-pressed={only === "disabled"} onClick={() => setOnly(only === "disabled" ? "" : "disabled")}>
        {t("onlyDisabled")}
      </button>
    </>
  );
}

interface WantedProps {
  readonly wanted: string;
  readonly onWanted: (wanted: string) => void;
}

function People({ wanted, onWanted }: WantedProps) {
  const t = useTexts("users");
  const [search] = useParam("q");
  const [only] = useParam("only");
  const [open, setOpen] = useParam("open");
  const [order, setOrder] = useParam("sort", ".metadata.name");
  const [added, setAdded] = useParam("added");
  const text = useDeferredValue(search.trim());
  const sort: Sort = useMemo(() => ({ by: order.replace(/^-/, ""), descending: order.startsWith("-") }), [order]);
  const wish: TableWish = useMemo(
    () => ({
      resource: "users",
      columns: PATHS,
      ...(text !== "" && { search: text }),
      ...(only === "disabled" && { filter: { ".spec.disabled": ["true"] } }),
    }),
    [text, only],
  );
  const onSort = useCallback(({ by, descending }: Sort) => setOrder(`${descending ? "-" : ""}${by}`), [setOrder]);
  const onOpen = useCallback((row: ViewRow<TableRow>) => setOpen(row.row.name, { isStep: true }), [setOpen]);
  const columns = useColumns();
  const roles = useRoles();
  const { object } = useObject<UserObject>("users", added === "" ? undefined : added);
  const deeds = useDeed(object);
  const isAll = text === "" && only === "";
  return (
    <>
      <DeedLine deed={deeds.deed} onDismiss={deeds.dismiss} />
      <DataTable<TableRow>
        label={t("shows.people")}
        wish={wish}
        columns={columns}
        sort={sort}
        onSort={onSort}
        openKey={open}
        onOpen={onOpen}
        empty={isAll ? t("empty") : t("nothing")}
        {...(isAll && { command: "./orrery user add NAME --role operator" })}
      />
      {wanted === "user" && <UserQuestion wish={{ is: "add" }} roles={roles} run={deeds.run} onAdded={setAdded} onClose={() => onWanted("")} />}
    </>
  );
}

function useColumns(): readonly Column<TableRow>[] {
  const t = useTexts("users");
  return useMemo(() => {
    const cells = ({ row }: ViewRow<TableRow>): Cells => row.cells as unknown as Cells;
    return [
      {
        id: "name",
        title: t("user"),
        width: "24%",
        sortBy: ".metadata.name",
        cell: ({ row }) => (
          <>
            <b className="name">{row.name}</b>
            {row.name === session.me?.name && <span className="quiet"> · {t("you")}</span>}
          </>
        ),
      },
      {
        id: "display",
        title: t("displayName"),
        width: "20%",
        sortBy: ".spec.displayName",
        isExtra: true,
        cell: (row) => <bdi>{cells(row)[0] ?? ""}</bdi>,
      },
      {
        id: "rights",
        title: t("rights"),
        width: "auto",
        cell: (row) => {
          const text = [...(cells(row)[1] ?? []).map(grantText), ...(cells(row)[2] ?? []).map((group) => t("inGroup", { group }))].join(", ");
          return text === "" ? <span className="quiet">{t("noRights")}</span> : <bdi title={text}>{text}</bdi>;
        },
      },
      {
        id: "state",
        title: t("state"),
        width: "120px",
        sortBy: ".spec.disabled",
        cell: (row) =>
          cells(row)[3] === true ? (
            <State state={{ severity: "off", word: t("disabled") }} />
          ) : (
            <State state={{ severity: "normal", word: t("enabled") }} />
          ),
      },
      {
        id: "seen",
        title: t("lastSeen"),
        width: "110px",
        isNumber: true,
        isExtra: true,
        sortBy: ".status.lastSeen",
        cell: (row) =>
          cells(row)[4] === null || cells(row)[4] === undefined ? (
            <span className="quiet">{t("never")}</span>
          ) : (
            <Age at={Date.parse(cells(row)[4] ?? "")} isAgo />
          ),
      },
      {
        id: "age",
        title: t("since"),
        width: "90px",
        isNumber: true,
        isExtra: true,
        sortBy: ".metadata.creationTimestamp",
        cell: (row) => <Age at={Date.parse(cells(row)[5] ?? "")} />,
      },
    ];
  }, [t]);
}
