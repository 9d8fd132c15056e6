"""What a program with the Python package `kubernetes` does with the API; a line for each thing that was seen. Argument: file of a kubeconfig."""

import os
import queue
import sys
import threading

from kubernetes import client, config, dynamic, watch
from kubernetes.client.rest import ApiException
from kubernetes.leaderelection import electionconfig, leaderelection
from kubernetes.leaderelection.resourcelock.leaselock import LeaseLock

config.load_kube_config(sys.argv[1])
api = client.CustomObjectsApi()
WHERE = {"group": "orrery.dev", "version": "v1", "namespace": "default"}
THINGS = {**WHERE, "plural": "resources"}
SERVICES = {**WHERE, "plural": "microservices"}


def thing(name, place):
    return {
        "apiVersion": "orrery.dev/v1",
        "kind": "Resource",
        "metadata": {"name": name},
        "spec": {"id": name, "type": "thing", "place": place},
    }


def say(*words):
    print(*words, flush=True)


listed = api.list_namespaced_custom_object(**THINGS)
say("listed", len(listed["items"]))
seen = queue.Queue()
watcher = watch.Watch()


def follow():
    for event in watcher.stream(
        api.list_namespaced_custom_object, **THINGS, resource_version=listed["metadata"]["resourceVersion"], timeout_seconds=30
    ):
        one = event["object"]
        seen.put(f"watch {event['type']} {one['metadata']['name']} {one['spec'].get('place')}")
        if event["type"] == "DELETED":
            watcher.stop()


following = threading.Thread(target=follow, daemon=True)
following.start()
api.create_namespaced_custom_object(**THINGS, body=thing("p", "屋顶"))
say(seen.get(timeout=10))
api.patch_namespaced_custom_object(**THINGS, name="p", body={"spec": {"place": "mast"}})
say(seen.get(timeout=10))
api.patch_namespaced_custom_object(**THINGS, name="p", body=[{"op": "replace", "path": "/spec/place", "value": "yard"}], _content_type="application/json-patch+json")
say(seen.get(timeout=10))
one = api.get_namespaced_custom_object(**THINGS, name="p")
stale = {**one, "spec": {**one["spec"], "place": "cellar"}}
api.replace_namespaced_custom_object(**THINGS, name="p", body=stale)
say(seen.get(timeout=10))
try:
    api.replace_namespaced_custom_object(**THINGS, name="p", body={**one, "spec": {**one["spec"], "place": "attic"}})
except ApiException as error:
    say("replaced an old one:", error.status, error.reason)
api.delete_namespaced_custom_object(**THINGS, name="p")
say(seen.get(timeout=10))
following.join(timeout=10)

dynamic_client = dynamic.DynamicClient(client.ApiClient())
things = dynamic_client.resources.get(api_version="orrery.dev/v1", kind="Resource")
applied = things.server_side_apply(body=thing("q", "dish"), namespace="default", field_manager="python")
say("applied", applied.metadata.name, applied.spec.place)
say("deleted", things.delete(name="q", namespace="default").status)

say("scale", api.get_namespaced_custom_object_scale(**SERVICES, name="scaled")["spec"]["replicas"])
for body, kind in (
    ({}, "merge-patch"),
    ({"spec": {"replicas": 3}}, "merge-patch"),
    ([{"op": "replace", "path": "/spec/replicas", "value": 5}], "json-patch"),
):
    say("scale", api.patch_namespaced_custom_object_scale(**SERVICES, name="scaled", body=body, _content_type=f"application/{kind}+json")["spec"]["replicas"])
core = client.CoreV1Api()
event = core.create_namespaced_event(
    "default",
    client.CoreV1Event(
        metadata=client.V1ObjectMeta(generate_name="pod-"),
        involved_object=client.V1ObjectReference(kind="Pod", name="pod", namespace="default"),
        reason="Started",
        message="it runs",
        type="Normal",
        count=1,
    ),
)
again = core.patch_namespaced_event(event.metadata.name, "default", {"count": 2})
say("event", event.metadata.name.startswith("pod-"), again.count, again.message)

lock = LeaseLock("py-lock", "default", "me")


def leads():
    lease = client.CoordinationV1Api().read_namespaced_lease("py-lock", "default")
    say("leads", lease.spec.holder_identity)
    say("done")
    os._exit(0)


leaderelection.LeaderElection(
    electionconfig.Config(lock, lease_duration=5, renew_deadline=4, retry_period=1, onstarted_leading=leads, onstopped_leading=None)
).run()
