import { useMemo } from "react";
import type { TableRow, ViewRow } from "../../../../src/face/views/protocol.ts";
import { useObject } from "../../api/live.ts";
import { mayAct, session } from "../../api/session.ts";
import { useParam } from "../../frame/location.ts";
import { Age } from "../../parts/Age.tsx";
import type { Column } from "../../parts/DataTable.tsx";
import { DeedLine } from "../../parts/DeedLine.tsx";
import { useDeed } from "../../parts/deeds.ts";
import { ListPage } from "../../parts/ListPage.tsx";
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
  const [show] = useParam("show", "people");
  const [wanted, setWanted] = useParam("new");
  if (show !== "roles") return <People wanted={wanted} onWanted={setWanted} />;
  return (
    <div className="with-drawer">
      <div className="page">
        <PageHead title={t("title")} actions={<Add what="role" onWanted={setWanted} />}>
          {t("rolesSentence")}
        </PageHead>
        <div className="tools">
          <Shows />
        </div>
        <Roles wanted={wanted} onWanted={setWanted} />
      </div>
    </div>
  );
}

function Add({ what, onWanted }: { readonly what: "user" | "role"; readonly onWanted: (wanted: string) => void }) {
  const t = useTexts("users");
  if (!mayAct("manage-users")) return null;
  return (
    <button type="button" className="button is-first" onClick={() => onWanted(what)}>
      {what === "role" ? t("addRole") : t("addUser")}
    </button>
  );
}

/** People, or roles. */
function Shows() {
  const t = useTexts("users");
  const [show, setShow] = useParam("show", "people");
  const [, setOpen] = useParam("open");
  return (
    <div className="choice" role="group" aria-label={t("title")}>
      {(["people", "roles"] as const).map((one) => (
        <button
          key={one}
          type="button"
          aria-pressed={(show === "roles") === (one === "roles")}
          onClick={() => {
            setOpen("");
            setShow(one, { isStep: true });
          }}
        >
          {t(`shows.${one}`)}
        </button>
      ))}
    </div>
  );
}

interface WantedProps {
  readonly wanted: string;
  readonly onWanted: (wanted: string) => void;
}

const DISABLED = { ".spec.disabled": ["true"] };

function People({ wanted, onWanted }: WantedProps) {
  const t = useTexts("users");
  const [only, setOnly] = useParam("only");
  const [added, setAdded] = useParam("added");
  const columns = useColumns();
  const roles = useRoles();
  const { object } = useObject<UserObject>("users", added === "" ? undefined : added);
  const deeds = useDeed(object);
  const isDisabled = only === "disabled";
  return (
    <>
      <ListPage
        title={t("title")}
        sentence={t("peopleSentence")}
        searchHint={t("search")}
        resource="users"
        paths={PATHS}
        columns={columns}
        order=".metadata.name"
        hasState={false}
        empty={t("empty")}
        nothing={t("nothing")}
        command="./orrery user add NAME --role operator"
        actions={<Add what="user" onWanted={onWanted} />}
        lead={<Shows />}
        tools={
          <button type="button" className="state-chip" aria-pressed={isDisabled} onClick={() => setOnly(isDisabled ? "" : "disabled")}>
            {t("onlyDisabled")}
          </button>
        }
        {...(isDisabled && { filter: DISABLED })}
        above={<DeedLine deed={deeds.deed} onDismiss={deeds.dismiss} />}
        drawer={(open, close) => <UserDrawer name={open} onClose={close} />}
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
