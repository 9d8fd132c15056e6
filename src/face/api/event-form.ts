import type { Event } from "#/model/index.ts";
import type { ServedObject } from "./collection.ts";
import { coreEventMessage, type Message, newEventMessage } from "./protobuf-message.ts";

/** One of the two groups in which Kubernetes has Events: the same objects with other names for their fields. */
export interface EventForm {
  readonly group: string;
  readonly message: Message;
  /** As clients of the group read it. */
  show(event: Event): ServedObject;
  /** A body of the group with the names of core/v1; nothing of it is checked. */
  read(body: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>>;
  /** A field selector of the group in the names of core/v1. */
  selector(text: string): string;
}

/** Core/v1: as they are kept. */
export const coreEvents: EventForm = {
  group: "",
  message: coreEventMessage,
  show: (event) => event,
  read: (body) => body,
  selector: (text) => text,
};

/** Names in events.k8s.io/v1 for those of core/v1; all others are the same. */
const NAMES: Readonly<Record<string, string>> = {
  regarding: "involvedObject",
  note: "message",
  reportingController: "reportingComponent",
  deprecatedSource: "source",
  deprecatedFirstTimestamp: "firstTimestamp",
  deprecatedLastTimestamp: "lastTimestamp",
  deprecatedCount: "count",
};
const NEW_NAMES: ReadonlyMap<string, string> = new Map(Object.entries(NAMES).map(([name, core]) => [core, name]));

/** events.k8s.io/v1: what newer recorders write. */
export const newEvents: EventForm = {
  group: "events.k8s.io",
  message: newEventMessage,
  show(event) {
    const { apiVersion: _, metadata, eventTime, reportingComponent, ...rest } = event;
    const named = Object.fromEntries(Object.entries(rest).map(([name, value]) => [NEW_NAMES.get(name) ?? name, value]));
    return {
      ...named,
      apiVersion: "events.k8s.io/v1",
      kind: "Event",
      metadata,
      // Go's clients read it as a time that may be missing.
      eventTime: eventTime ?? null,
      reportingController: reportingComponent ?? event.source.component ?? "",
    } as ServedObject;
  },
  read: (body) => Object.fromEntries(Object.entries(body).map(([name, value]) => [Object.hasOwn(NAMES, name) ? NAMES[name] : name, value])),
  selector: (text) => text.replace(/(^|,)\s*regarding\./g, "$1involvedObject.").replace(/(^|,)\s*reportingController\b/g, "$1reportingComponent"),
};
