import { type Clock, OrreryError } from "#/base/index.ts";
import { DEFAULT_NAMESPACE, type StoredObject } from "#/model/index.ts";
import { askDerived } from "./ask-derived.ts";
import type { Asked, Given } from "./asked.ts";
import { callTableView } from "./calls/call-table-view.ts";
import { callsView } from "./calls/calls-view.ts";
import { CountsAnswer } from "./counts-answer.ts";
import type { FollowedObjects, ViewedKind } from "./followed.ts";
import { updateRows } from "./lanes/update-rows.ts";
import { ObjectAnswer, ObjectsAnswer } from "./objects-answer.ts";
import { askOverview } from "./overview/ask-overview.ts";
import type { LogView, ObjectsView, PlatformRow, TopicView, View } from "./protocol.ts";
import { nameOfVisible, objectOfEvent, type ReaderScope, type Rights, serviceKey, type Visible, VisibleKeys } from "./rights.ts";
import type { Sources } from "./sources.ts";
import { type TopicScope, topicAnswer } from "./topic-answer.ts";
import { type RequestTrials, tryView } from "./try/try-view.ts";

export interface AskOptions {
  readonly clock: Clock;
  /** How the centre itself is. */
  readonly platform: () => PlatformRow;
  /** Absent: there is no table. */
  readonly trials?: RequestTrials | undefined;
}

/** What `view` needs, if it may be shown.
 *  @throws api/forbidden, views/missing: no such kind */
export function ask(view: Exclude<View, LogView>, rights: Rights, sources: Sources, { clock, platform, trials }: AskOptions): Asked {
  switch (view.of) {
    case "objects":
      return askObjects(view, rights, sources);
    case "object": {
      const { resource, name, namespace } = view;
      const viewed = sources.kind(resource);
      rights.check({ verb: "get", group: viewed.group, resource: viewed.plural, name, ...(namespace !== undefined && { namespace }) });
      const { name: rightsName, scope, needs } = scopeOf(viewed, rights, sources, "get");
      const key = viewed.isNamespaced ? `${namespace ?? DEFAULT_NAMESPACE}/${name}` : name;
      return {
        rights: rightsName,
        objects: [resource, ...needs],
        topics: [],
        answer(given) {
          const followed = given.objects(resource);
          return new ObjectAnswer(followed, key, given.forms.of(followed, undefined), scope(given));
        },
      };
    }
    case "counts": {
      const viewed = sources.kind(view.resource);
      rights.checkList(viewed, view.namespace);
      const { name, scope, needs } = scopeOf(viewed, rights, sources);
      return {
        rights: name,
        objects: [view.resource, ...needs],
        topics: [],
        answer: (given) => new CountsAnswer(given.objects(view.resource), view, scope(given)),
      };
    }
    case "topic":
      return askTopic(view, rights, sources);
    case "overview":
      return askOverview(view.limit, rights, sources, { platform, clock });
    case "calls":
      return askDerived(callsView(view), rights, sources, clock);
    case "callTable":
      return askDerived(callTableView(view), rights, sources, clock);
    case "try":
      if (trials === undefined) throw new OrreryError("views/missing", "this server has no routing table to try a request by");
      return askDerived(tryView(view, trials), rights, sources, clock);
    case "update":
      return askDerived(updateRows(view), rights, sources, clock);
  }
}

function askObjects(view: ObjectsView, rights: Rights, sources: Sources): Asked {
  const viewed = sources.kind(view.resource);
  rights.checkList(viewed, view.namespace);
  const { name, scope, needs } = scopeOf(viewed, rights, sources);
  return {
    rights: name,
    objects: [view.resource, ...needs],
    topics: [],
    answer({ objects, queries, forms, ...given }) {
      const followed = objects(view.resource);
      const form = forms.of(followed, view.columns);
      const kept = queries.acquire(followed, view, scope({ objects, queries, forms, ...given }));
      return new ObjectsAnswer({ followed, kept, form, offset: view.offset, limit: view.limit });
    },
  };
}

interface Scoped {
  readonly name: string;
  /** Kinds that it needs beside its own. */
  readonly needs: readonly string[];
  readonly scope: (given: Given) => ReaderScope;
}

/** What a reader is shown of a kind. Events are shown of what is shown. */
function scopeOf(viewed: ViewedKind, rights: Rights, sources: Sources, verb?: "get" | "list"): Scoped {
  const own = rights.scope(viewed, verb);
  const test = viewed.stored === undefined && viewed.kind === "Event" ? rights.eventTest() : undefined;
  if (test === undefined) return { name: own.name, needs: [], scope: () => own };
  const kinds = sources.all().filter((one) => one.stored !== undefined);
  const name = `${own.name} ${nameOfVisible(test)} of ${rights.nameOf(kinds)}`;
  return { name, needs: kinds.map((one) => one.resource), scope: (given) => eventScope(name, kinds, test, rights, given) };
}

function eventScope(name: string, kinds: readonly ViewedKind[], test: NonNullable<Visible>, rights: Rights, given: Given): ReaderScope {
  let recheck = (): void => {};
  const keys = new Map(
    kinds.map((one) => {
      const visible = rights.visible(one);
      const isShown = (object: StoredObject): boolean => test(object) && visible?.(object) !== false;
      return [one.kind, new VisibleKeys(given.objects(one.resource), isShown, () => recheck())];
    }),
  );
  return {
    name,
    visible(event: StoredObject) {
      const of = objectOfEvent(event);
      return of !== undefined && keys.get(of.kind)?.has(of.key) === true;
    },
    attach(listener) {
      recheck = listener;
      return () => {
        for (const one of keys.values()) one.close();
      };
    },
  };
}

/** Kinds of the objects that a topic has an entry of, under the object's key. */
const TOPIC_KINDS: Readonly<Record<string, string>> = { hosts: "hosts", instances: "instances", observations: "resources", gateways: "gateways" };

function askTopic(view: TopicView, rights: Rights, sources: Sources): Asked {
  const { topic } = view;
  rights.check({ verb: "get", path: `/live/${topic}` });
  const resource = topic === "calls" ? "microservices" : TOPIC_KINDS[topic];
  const viewed = resource === undefined ? undefined : sources.find(resource);
  const visible = viewed === undefined ? undefined : rights.visible(viewed);
  if (viewed === undefined || visible === undefined)
    return { rights: "all", objects: [], topics: [topic], answer: (given) => topicAnswer(given.topic(topic), view, undefined) };
  return {
    rights: nameOfVisible(visible),
    objects: [viewed.resource],
    topics: [topic],
    answer: (given) => topicAnswer(given.topic(topic), view, topicScope(topic, given.objects(viewed.resource), visible)),
  };
}

function topicScope(topic: string, objects: FollowedObjects, visible: NonNullable<Visible>): TopicScope {
  let recheck = (): void => {};
  const keys = new VisibleKeys(objects, visible, () => recheck());
  return {
    // Calls are shown to those who are shown one of both ends.
    mayShow: topic === "calls" ? (key) => key.split("|", 2).some((service) => keys.has(serviceKey(service))) : (key) => keys.has(key),
    attach(listener) {
      recheck = listener;
      return () => keys.close();
    },
  };
}
