import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.validation.FhirValidator;
import ca.uhn.fhir.validation.SingleValidationMessage;
import ca.uhn.fhir.validation.ValidationOptions;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.hl7.fhir.common.hapi.validation.support.CommonCodeSystemsTerminologyService;
import org.hl7.fhir.common.hapi.validation.support.InMemoryTerminologyServerValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.PrePopulatedValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator;
import org.hl7.fhir.instance.model.api.IBaseResource;
import org.hl7.fhir.r5.utils.validation.constants.BestPracticeWarningLevel;

/**
 * Judges resources by the HL7 validator, with the definitions of R4 and those of one folder, and asks no server.
 *
 * <p>A line of standard input is an object with the text of a resource and the profiles that it must meet beside those it names. A
 * line of standard output is the array of its issues.
 */
public class Hl7 {
    private static final ObjectMapper JSON = new ObjectMapper();

    public static void main(String[] arguments) throws IOException {
        FhirValidator validator = validator(FhirContext.forR4(), Path.of(arguments[0]));
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            out.println(JSON.writeValueAsString(issues(validator, JSON.readTree(line))));
        }
    }

    private static FhirValidator validator(FhirContext context, Path folder) throws IOException {
        PrePopulatedValidationSupport ours = new PrePopulatedValidationSupport(context);
        try (var files = Files.list(folder)) {
            for (Path file : files.sorted().toList()) {
                ours.addResource(context.newJsonParser().parseResource(Files.readString(file)));
            }
        }
        ValidationSupportChain known = new ValidationSupportChain(
                ours,
                new R4(context),
                new CommonCodeSystemsTerminologyService(context),
                new InMemoryTerminologyServerValidationSupport(context));
        known.setCodeableConceptValidationSuccessfulIfNotAllCodingsAreValid(true);
        FhirInstanceValidator judge = new FhirInstanceValidator(known);
        judge.setAssumeValidRestReferences(true);
        judge.setBestPracticeWarningLevel(BestPracticeWarningLevel.Ignore);
        return context.newValidator().registerValidatorModule(judge);
    }

    /** R4's own definitions, which HAPI does not find by a canonical with their version. */
    private static class R4 extends DefaultProfileValidationSupport {
        R4(FhirContext context) {
            super(context);
        }

        @Override
        public IBaseResource fetchStructureDefinition(String url) {
            return super.fetchStructureDefinition(url.replaceFirst("\\|4\\.0\\.1$", ""));
        }
    }

    private static List<Map<String, String>> issues(FhirValidator validator, JsonNode asked) {
        ValidationOptions options = new ValidationOptions();
        asked.get("profiles").forEach(profile -> options.addProfile(profile.asText()));
        try {
            var result = validator.validateWithResult(asked.get("resource").asText(), options);
            return result.getMessages().stream().map(Hl7::issue).toList();
        } catch (RuntimeException unread) {
            return List.of(issue("fatal", "", unread.getClass().getSimpleName(), unread.getMessage()));
        }
    }

    private static Map<String, String> issue(SingleValidationMessage message) {
        String severity = message.getSeverity().getCode();
        return issue(severity, message.getLocationString(), message.getMessageId(), message.getMessage());
    }

    private static Map<String, String> issue(String severity, String location, String id, String text) {
        Map<String, String> made = new LinkedHashMap<>();
        made.put("severity", severity);
        made.put("location", String.valueOf(location));
        made.put("id", String.valueOf(id));
        made.put("text", String.valueOf(text));
        return made;
    }
}
