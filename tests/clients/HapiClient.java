// The HAPI FHIR client goes through the row: java HapiClient.java BASE GIVEN, the row as JSON on the last line.
import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.rest.api.MethodOutcome;
import ca.uhn.fhir.rest.client.api.IGenericClient;
import ca.uhn.fhir.rest.client.interceptor.BearerTokenAuthInterceptor;
import ca.uhn.fhir.rest.server.exceptions.BaseServerResponseException;
import com.google.gson.Gson;
import com.google.gson.JsonObject;
import java.math.BigInteger;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.AlgorithmParameters;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.ECParameterSpec;
import java.security.spec.ECPrivateKeySpec;
import java.time.Instant;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.hl7.fhir.r4.model.Bundle;
import org.hl7.fhir.r4.model.CapabilityStatement;
import org.hl7.fhir.r4.model.CarePlan;
import org.hl7.fhir.r4.model.IdType;
import org.hl7.fhir.r4.model.Identifier;
import org.hl7.fhir.r4.model.Observation;
import org.hl7.fhir.r4.model.OperationOutcome;
import org.hl7.fhir.r4.model.Patient;
import org.hl7.fhir.r4.model.Resource;

public class HapiClient {
  static final FhirContext FHIR = FhirContext.forR4();
  static final String OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris";
  static final Gson JSON = new Gson();

  public static void main(String[] arguments) throws Exception {
    JsonObject given = JSON.fromJson(Files.readString(Path.of(arguments[1])), JsonObject.class);
    IGenericClient client = FHIR.newRestfulGenericClient(arguments[0]);
    Map<String, Object> row = new LinkedHashMap<>();
    CapabilityStatement metadata = client.capabilities().ofType(CapabilityStatement.class).execute();
    String endpoint = metadata.getRestFirstRep().getSecurity().getExtensionByUrl(OAUTH_URIS).getExtensionString("token");
    row.put("discovery", endpoint);
    row.put("metadata", metadata.getFhirVersion().toCode());
    JsonObject token = token(endpoint, given);
    row.put("token", token.get("token_type").getAsString());
    client.registerInterceptor(new BearerTokenAuthInterceptor(token.get("access_token").getAsString()));
    records(client, given, row);
    System.out.println(JSON.toJson(row));
  }

  static void records(IGenericClient client, JsonObject given, Map<String, Object> row) {
    String person = given.get("person").getAsString();
    row.put("read", client.read().resource(Patient.class).withUrl(person).execute().getNameFirstRep().getFamily());
    Observation note = resource(given, "observation", Observation.class);
    MethodOutcome made = client.create().resource(note).execute();
    IdType id = new IdType("Observation", made.getId().getIdPart());
    row.put("create", made.getId().getVersionIdPart());
    note.setStatus(Observation.ObservationStatus.AMENDED);
    row.put("update", client.update().resource(note).withId(id).execute().getId().getVersionIdPart());
    row.put("vread", client.read().resource(Observation.class).withId(id.withVersion("1")).execute().getStatus().toCode());
    String patch = "[{\"op\": \"replace\", \"path\": \"/status\", \"value\": \"corrected\"}]";
    MethodOutcome patched = client.patch().withBody(patch).withId(id).execute();
    row.put("patch", ((Observation) patched.getResource()).getStatus().toCode());
    Bundle history = client.history().onInstance(id).returnBundle(Bundle.class).execute();
    row.put("history", history.getEntry().stream().map(each -> each.getResource().getIdElement().getVersionIdPart()).toList());

    // A resource that was read carries its version, which HAPI sends as If-Match.
    CarePlan led = (CarePlan) client.create().resource(resource(given, "plan", CarePlan.class)).execute().getResource();
    CarePlan changed = led.copy().setTitle("Sleep");
    row.put("match", client.update().resource(changed).execute().getId().getVersionIdPart());
    row.put("stale", refused(() -> client.update().resource(led.copy().setTitle("Sleep")).execute()));

    Observation once = resource(given, "observation", Observation.class);
    once.addIdentifier().setSystem("urn:ietf:rfc:3986").setValue("urn:uuid:" + UUID.randomUUID());
    List<String> ids = List.of(conditional(client, once), conditional(client, once));
    row.put("conditional", ids.get(0).equals(ids.get(1)));
    row.put("transaction", transacted(client, given));
    row.put("search", counted(client, person));
    row.put("refusal", refused(() -> client.search().byUrl("Observation?nonsense=x").execute()));
    client.delete().resourceById(id).execute();
    row.put("delete", refused(() -> client.read().resource(Observation.class).withId(id).execute()));
  }

  static <T extends Resource> T resource(JsonObject given, String name, Class<T> type) {
    return FHIR.newJsonParser().parseResource(type, given.get(name).toString());
  }

  static String conditional(IGenericClient client, Observation once) {
    Identifier by = once.getIdentifierFirstRep();
    var criterion = Observation.IDENTIFIER.exactly().systemAndIdentifier(by.getSystem(), by.getValue());
    return client.create().resource(once).conditional().where(criterion).execute().getId().getIdPart();
  }

  static boolean transacted(IGenericClient client, JsonObject given) {
    Bundle answer = client.transaction().withBundle(resource(given, "transaction", Bundle.class)).execute();
    Observation last = (Observation) answer.getEntry().get(2).getResource();
    IdType first = new IdType(answer.getEntryFirstRep().getResponse().getLocation());
    return first.toUnqualifiedVersionless().getValue().equals(last.getHasMemberFirstRep().getReference());
  }

  static int counted(IGenericClient client, String person) {
    Bundle page = client.search().forResource(Observation.class).where(Observation.SUBJECT.hasId(person)).count(2)
        .returnBundle(Bundle.class).execute();
    int found = page.getEntry().size();
    while (page.getLink(Bundle.LINK_NEXT) != null) {
      page = client.loadPage().next(page).execute();
      found += page.getEntry().size();
    }
    return found;
  }

  static String refused(Runnable asked) {
    try {
      asked.run();
    } catch (BaseServerResponseException refusal) {
      return ((OperationOutcome) refusal.getOperationOutcome()).getIssueFirstRep().getCode().toCode();
    }
    return null;
  }

  static JsonObject token(String endpoint, JsonObject given) throws Exception {
    String form = Map.of(
            "grant_type", "client_credentials",
            "scope", "system/*.cruds",
            "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion", assertion(endpoint, given.get("client").getAsString(), given.getAsJsonObject("key")))
        .entrySet().stream()
        .map(each -> each.getKey() + "=" + URLEncoder.encode(each.getValue(), StandardCharsets.UTF_8))
        .collect(Collectors.joining("&"));
    HttpRequest request = HttpRequest.newBuilder(URI.create(endpoint))
        .header("Content-Type", "application/x-www-form-urlencoded")
        .POST(HttpRequest.BodyPublishers.ofString(form))
        .build();
    HttpResponse<String> answer = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
    return JSON.fromJson(answer.body(), JsonObject.class);
  }

  static String assertion(String audience, String id, JsonObject key) throws Exception {
    long expires = Instant.now().getEpochSecond() + 240;
    String jti = UUID.randomUUID().toString();
    Map<String, Object> header = Map.of("alg", "ES384", "typ", "JWT", "kid", key.get("kid").getAsString());
    Map<String, Object> claims = Map.of("iss", id, "sub", id, "aud", audience, "exp", expires, "jti", jti);
    String text = Stream.of(header, claims).map(JSON::toJson)
        .map(part -> encoded(part.getBytes(StandardCharsets.UTF_8)))
        .collect(Collectors.joining("."));
    Signature signature = Signature.getInstance("SHA384withECDSAinP1363Format");
    signature.initSign(privateKey(key));
    signature.update(text.getBytes(StandardCharsets.UTF_8));
    return text + "." + encoded(signature.sign());
  }

  static PrivateKey privateKey(JsonObject key) throws Exception {
    AlgorithmParameters curve = AlgorithmParameters.getInstance("EC");
    curve.init(new ECGenParameterSpec("secp384r1"));
    BigInteger secret = new BigInteger(1, Base64.getUrlDecoder().decode(key.get("d").getAsString()));
    return KeyFactory.getInstance("EC").generatePrivate(new ECPrivateKeySpec(secret, curve.getParameterSpec(ECParameterSpec.class)));
  }

  static String encoded(byte[] bytes) {
    return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
  }
}
