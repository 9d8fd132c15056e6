export type { Board, BoardEntry, BoardListener } from "./board.ts";
export { Hub, type HubOptions, type Peer, type PeerHandlers, type PeerListener, type PeerLossListener } from "./hub.ts";
