export { Board, type BoardEntry, type BoardListener } from "./board.ts";
export { Hub, type HubOptions, type Peer, type PeerHandlers, type PeerListener, type PeerLossListener } from "./hub.ts";
export { type ConnectedPeer, type Peers, type PeersListener, watchPeers } from "./peers.ts";
