import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.GenericKubernetesResourceBuilder;
import io.fabric8.kubernetes.api.model.GenericKubernetesResourceList;
import io.fabric8.kubernetes.api.model.autoscaling.v1.Scale;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.ConfigBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.Watch;
import io.fabric8.kubernetes.client.Watcher;
import io.fabric8.kubernetes.client.WatcherException;
import io.fabric8.kubernetes.client.dsl.MixedOperation;
import io.fabric8.kubernetes.client.dsl.Resource;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import io.fabric8.kubernetes.client.dsl.base.ResourceDefinitionContext;
import io.fabric8.kubernetes.client.extended.leaderelection.LeaderCallbacks;
import io.fabric8.kubernetes.client.extended.leaderelection.LeaderElectionConfigBuilder;
import io.fabric8.kubernetes.client.extended.leaderelection.resourcelock.LeaseLock;
import io.fabric8.kubernetes.client.informers.ResourceEventHandler;
import io.fabric8.kubernetes.client.informers.SharedIndexInformer;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** What a program with fabric8's client does with the API; a line for each thing that was seen. Arguments: URL, file of the CA, token. */
public class Fabric8 {
  static final BlockingQueue<String> seen = new LinkedBlockingQueue<>();

  static void await(String wanted) throws Exception {
    String found = seen.poll(10, TimeUnit.SECONDS);
    if (!wanted.equals(found)) throw new IllegalStateException("awaited " + wanted + ", came " + found + ", then " + seen);
    System.out.println(found);
  }

  static GenericKubernetesResource thing(String name, String place) {
    GenericKubernetesResource made = new GenericKubernetesResourceBuilder().withApiVersion("orrery.dev/v1").withKind("Resource")
        .withNewMetadata().withName(name).endMetadata().build();
    made.setAdditionalProperty("spec", new java.util.HashMap<>(Map.of("id", name, "type", "thing", "place", place)));
    return made;
  }

  static ResourceDefinitionContext context(String kind, String plural) {
    return new ResourceDefinitionContext.Builder().withGroup("orrery.dev").withVersion("v1").withKind(kind).withPlural(plural).withNamespaced(true).build();
  }

  @SuppressWarnings("unchecked")
  static String place(GenericKubernetesResource one) {
    return String.valueOf(((Map<String, Object>) one.getAdditionalProperties().get("spec")).get("place"));
  }

  public static void main(String[] args) throws Exception {
    Config config = new ConfigBuilder(Config.empty()).withMasterUrl(args[0]).withCaCertFile(args[1]).withOauthToken(args[2]).withNamespace("default")
        .withRequestTimeout(10_000).withConnectionTimeout(10_000).build();
    try (KubernetesClient client = new KubernetesClientBuilder().withConfig(config).build()) {
      MixedOperation<GenericKubernetesResource, GenericKubernetesResourceList, Resource<GenericKubernetesResource>> things = client
          .genericKubernetesResources(context("Resource", "resources"));
      System.out.println("http client " + client.getHttpClient().getClass().getSimpleName());
      System.out.println("listed " + things.list().getItems().size());

      Watch watch = things.watch(new Watcher<GenericKubernetesResource>() {
        @Override
        public void eventReceived(Action action, GenericKubernetesResource one) {
          seen.add("watch " + action + " " + one.getMetadata().getName() + " " + place(one));
        }

        @Override
        public void onClose(WatcherException cause) {
          seen.add("watch closed " + cause);
        }
      });
      things.resource(thing("a", "屋顶")).create();
      await("watch ADDED a 屋顶");
      things.withName("a").edit(one -> {
        ((Map<String, Object>) one.getAdditionalProperties().get("spec")).put("place", "mast");
        return one;
      });
      await("watch MODIFIED a mast");
      things.withName("a").patch(PatchContext.of(PatchType.JSON_MERGE), "{\"spec\":{\"place\":\"cellar\"}}");
      await("watch MODIFIED a cellar");
      things.withName("a").patch(PatchContext.of(PatchType.JSON), "[{\"op\":\"replace\",\"path\":\"/spec/place\",\"value\":\"yard\"}]");
      await("watch MODIFIED a yard");
      things.resource(thing("b", "roof")).fieldManager("java").serverSideApply();
      await("watch ADDED b roof");
      things.resource(thing("b", "dish")).fieldManager("java").forceConflicts().serverSideApply();
      await("watch MODIFIED b dish");
      things.withName("a").delete();
      await("watch DELETED a yard");
      watch.close();
      seen.clear();

      SharedIndexInformer<GenericKubernetesResource> informer = things.inform(new ResourceEventHandler<GenericKubernetesResource>() {
        @Override
        public void onAdd(GenericKubernetesResource one) {
          seen.add("informer added " + one.getMetadata().getName());
        }

        @Override
        public void onUpdate(GenericKubernetesResource before, GenericKubernetesResource one) {
          seen.add("informer updated " + one.getMetadata().getName() + " " + place(before) + " to " + place(one));
        }

        @Override
        public void onDelete(GenericKubernetesResource one, boolean isUnknown) {
          seen.add("informer deleted " + one.getMetadata().getName());
        }
      });
      await("informer added b");
      things.resource(thing("c", "roof")).create();
      await("informer added c");
      things.withName("c").patch(PatchContext.of(PatchType.JSON_MERGE), "{\"spec\":{\"place\":\"mast\"}}");
      await("informer updated c roof to mast");
      things.withName("c").delete();
      await("informer deleted c");
      System.out.println("informer holds " + informer.getStore().list().size());
      informer.close();

      MixedOperation<GenericKubernetesResource, GenericKubernetesResourceList, Resource<GenericKubernetesResource>> services = client
          .genericKubernetesResources(context("Microservice", "microservices"));
      CompletableFuture<?> leading = client.leaderElector().withConfig(new LeaderElectionConfigBuilder().withName("java").withReleaseOnCancel(true)
          .withLeaseDuration(Duration.ofSeconds(5)).withRenewDeadline(Duration.ofSeconds(4)).withRetryPeriod(Duration.ofMillis(200))
          .withLock(new LeaseLock("default", "java-lock", "me"))
          .withLeaderCallbacks(new LeaderCallbacks(() -> seen.add("leads"), () -> seen.add("leads no more"), id -> {
          })).build()).build().start();
      await("leads");
      System.out.println("the lease is of " + client.leases().withName("java-lock").get().getSpec().getHolderIdentity());
      leading.cancel(true);
      await("leads no more");
      client.leases().withName("java-lock").delete();

      Scale scale = services.withName("scaled").scale();
      System.out.println("scale " + scale.getSpec().getReplicas());
      scale.getSpec().setReplicas(4);
      System.out.println("scaled to " + services.withName("scaled").scale(scale).getSpec().getReplicas());
      System.out.println("patched scale " + services.withName("scaled").subresource("scale").patch(PatchContext.of(PatchType.JSON_MERGE), "{}").getKind());
    }
    System.out.println("done");
  }
}
