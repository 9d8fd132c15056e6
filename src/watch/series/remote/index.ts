export { openRemoteSeries, type RemoteOptions } from "./remote-series.ts";
