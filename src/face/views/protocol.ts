/** What goes over the one stream of a tab (`GET /views`, WebSocket, one JSON text for each message): queries that the centre keeps, answered as a window and then as changes to it. docs/api.md, section Views, tells it in words. A file for each subject, queries and rows together, lies in protocol/; this is their face. */
export {
  CALL_FIGURES,
  CALL_PARTS,
  type CallFigures,
  type CallsEdgeRow,
  type CallsNodeRow,
  type CallsRow,
  type CallsSummaryRow,
  type CallsView,
  type CallTableRow,
  type CallTableView,
  type RevisionDuty,
} from "./protocol/calls.ts";
export { type ClientMessage, type ClientWish, clientMessage, type View, type ViewWish, view } from "./protocol/client-messages.ts";
export { WINDOW_ROWS_MAX } from "./protocol/fields.ts";
export type { LogRow, LogView, ViewLines } from "./protocol/log.ts";
export {
  type CountRow,
  type CountsView,
  type ObjectState,
  type ObjectsView,
  SEVERITIES,
  type Severity,
  type TableRow,
  type TopicRow,
  type TopicView,
} from "./protocol/object-views.ts";
export {
  type ChangeRow,
  LAYERS,
  type Layer,
  type LayerRow,
  type ObjectRef,
  type OverviewRow,
  type PlatformRow,
  type ProblemRow,
  type Saying,
} from "./protocol/overview.ts";
export {
  type Beat,
  type End,
  type Hello,
  PROTOCOL,
  type Seen,
  type ServerMessage,
  type StreamError,
  VIEWS_MAX,
  type ViewChange,
  type ViewColumn,
  type ViewFailure,
  type ViewPut,
  type ViewRow,
  type ViewWhole,
} from "./protocol/server-messages.ts";
export type { TryCandidate, TryRow, TryView } from "./protocol/try.ts";
export type { UpdateView } from "./protocol/update.ts";
