import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.ConfigBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.dsl.base.ResourceDefinitionContext;
import io.fabric8.kubernetes.client.informers.ResourceEventHandler;
import io.fabric8.kubernetes.client.informers.SharedIndexInformer;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/** What an informer tells a person of one team; a line for each event, and at the end, which an object called end brings, what it holds. Arguments: URL, file of the CA, token. */
public class Fabric8Team {
  public static void main(String[] args) throws Exception {
    Config config = new ConfigBuilder(Config.empty()).withMasterUrl(args[0]).withCaCertFile(args[1]).withOauthToken(args[2]).withNamespace("default")
        .withRequestTimeout(10_000).withConnectionTimeout(10_000).build();
    CountDownLatch end = new CountDownLatch(1);
    try (KubernetesClient client = new KubernetesClientBuilder().withConfig(config).build()) {
      SharedIndexInformer<GenericKubernetesResource> informer = client.genericKubernetesResources(
          new ResourceDefinitionContext.Builder().withGroup("orrery.dev").withVersion("v1").withKind("Microservice").withPlural("microservices")
              .withNamespaced(true).build())
          .inform(new ResourceEventHandler<GenericKubernetesResource>() {
            @Override
            public void onAdd(GenericKubernetesResource one) {
              System.out.println("added " + one.getMetadata().getName());
              if (one.getMetadata().getName().equals("end")) end.countDown();
            }

            @Override
            public void onUpdate(GenericKubernetesResource before, GenericKubernetesResource one) {
              System.out.println("updated " + one.getMetadata().getName());
            }

            @Override
            public void onDelete(GenericKubernetesResource one, boolean isUnknown) {
              System.out.println("deleted " + one.getMetadata().getName() + " " + one.getMetadata().getLabels().get("team"));
            }
          });
      end.await(30, TimeUnit.SECONDS);
      System.out.println("holds " + informer.getStore().list().stream().map(one -> one.getMetadata().getName()).sorted().collect(Collectors.joining(" ")));
      informer.close();
    }
  }
}
