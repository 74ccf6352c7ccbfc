package rules_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/transport/web"
)

// openRoutes lists the routes that have no authorizer because the function verifies a signature, or the key in the body.
var openRoutes = []string{"POST /api/outbound-call-status", "POST /twilio/voice", "POST /twilio/voice/after", "POST /twilio/voice/status",
	"POST /twilio/messages", "POST /twilio/messages/status", "GET /api/reports/view", "POST /api/reports/view", "GET /api/reports/view/{token}", "POST /api/v1/session"}

// TestRoutes checks that each route has an authorizer, a timeout longer than its function's, and streams if and only if
// its function URL does.
func TestRoutes(t *testing.T) {
	t.Parallel()
	routes := 0
	for id, f := range sourceTemplate(t).ofType("AWS::Serverless::Function") {
		seconds := f.number("Timeout")
		if seconds == 0 {
			t.Errorf("%s has no Timeout of its own; the default is 3 s", id)
		}
		for name := range f.at("Events") {
			if f.at("Events", name).text("Type") != "Api" {
				continue
			}
			routes++
			route := f.at("Events", name, "Properties")
			path := route.text("Path")
			isOpen := slices.Contains(openRoutes, route.text("Method")+" "+path)
			if route.at("RestApiId").text("Ref") != "Api" {
				t.Errorf("%s: %s is not a route of Api", id, path)
			}
			if authorizer := route.at("Auth").text("Authorizer"); (authorizer == "" || authorizer == "NONE") != isOpen {
				t.Errorf("%s: %s has the authorizer %q", id, path, authorizer)
			}
			if isOpen && len(f.at("FunctionUrlConfig")) > 0 {
				t.Errorf("%s: the function URL would not verify the signature of %s", id, path)
			}
			if limit := route.number("TimeoutInMillis"); limit <= seconds*1000 {
				t.Errorf("%s: the gateway waits %v ms for a function of %v s", id, limit, seconds)
			}
			mode := route.text("ResponseTransferMode")
			if mode != "" && mode != "RESPONSE_STREAM" {
				t.Errorf("%s: ResponseTransferMode %s gives a buffered route", id, mode)
			}
			if mode == "" && route.number("TimeoutInMillis") > 29_000 {
				t.Errorf("%s: a buffered route of more than 29 s needs a raised quota", id)
			}
			if streams := f.at("FunctionUrlConfig").text("InvokeMode") == "RESPONSE_STREAM"; len(f.at("FunctionUrlConfig")) > 0 && streams != (mode != "") {
				t.Errorf("%s: the route and the function URL must both stream, or neither", id)
			}
		}
	}
	if routes < 14 {
		t.Errorf("only %d routes were found", routes)
	}
}

// TestReportLinksAreNotTraced checks that addresses which may hold the token of a report link are in no trace and no log of
// API Gateway.
func TestReportLinksAreNotTraced(t *testing.T) {
	t.Parallel()
	template := sourceTemplate(t)
	rule := template.at("Resources", "ReportLinksSamplingRule", "Properties", "SamplingRule")
	if rule.text("URLPath") != "*/api/reports/view/*" || rule.number("FixedRate") != 0 || rule.number("ReservoirSize") != 0 || rule.number("Priority") != 1 {
		t.Errorf("the sampling rule is %v, want one that traces no request of a report link", rule)
	}
	api := template.at("Resources", "Api", "Properties")
	if name, stage := api.at("Name").text("Fn::Sub"), api.at("StageName").text("Ref"); rule.at("ServiceName").text("Fn::Sub") != name+"/${"+stage+"}" {
		t.Errorf("the sampling rule is for %v, want the API's name and stage", rule.at("ServiceName"))
	}
	format := api.at("AccessLogSetting").text("Format")
	for _, variable := range []string{"$context.path", "$context.requestOverride"} {
		if strings.Contains(format, variable) {
			t.Errorf("the access log holds %s, which may hold a token", variable)
		}
	}
	for _, setting := range api.trees("MethodSettings") {
		if setting.text("LoggingLevel") != "" || setting["DataTraceEnabled"] != nil {
			t.Error("the execution log holds whole addresses and bodies")
		}
	}
}

// TestChatFunctionsAreAlike checks that the four chat functions have the same settings and permissions.
func TestChatFunctionsAreAlike(t *testing.T) {
	t.Parallel()
	template := sourceTemplate(t)
	general := template.at("Resources", "ChatCompletionsFunction", "Properties")
	for _, name := range []string{"Voice", "Sms", "Chat"} {
		id := "ChatCompletions" + name + "Function"
		f := template.at("Resources", id, "Properties")
		for _, key := range []string{"Policies", "ReservedConcurrentExecutions"} {
			if !reflect.DeepEqual(f[key], general[key]) {
				t.Errorf("%s: %s is %v, and that of ChatCompletionsFunction %v", id, key, f[key], general[key])
			}
		}
		given, others := maps.Clone(f.at("Environment", "Variables")), general.at("Environment", "Variables")
		delete(given, "GOMEMLIMIT") // depends on MemorySize, which may differ
		delete(given, "GOGC")       // depends on what the function links (TestWhatFunctionsLink)
		if !reflect.DeepEqual(given, others) {
			t.Errorf("%s is given %v, and ChatCompletionsFunction %v", id, given, others)
		}
		way := strings.ToLower(name)
		want := []string{"/api/v1/openai/chat/completions/" + way, "/api/v1/openai/" + way + "/chat/completions"}
		var paths []string
		for event := range f.at("Events") {
			paths = append(paths, f.at("Events", event, "Properties").text("Path"))
		}
		slices.Sort(paths)
		slices.Sort(want)
		if !slices.Equal(paths, want) {
			t.Errorf("%s answers %v, not %v", id, paths, want)
		}
		if mode, streams := f.at("FunctionUrlConfig").text("InvokeMode"), way == "voice"; (mode == "RESPONSE_STREAM") != streams || mode == "" {
			t.Errorf("%s: its function URL is %q", id, mode)
		}
	}
}

// TestMemoryLimits checks that GOMEMLIMIT is four fifths of MemorySize; the rest is for memory outside Go's heap.
func TestMemoryLimits(t *testing.T) {
	t.Parallel()
	template := sourceTemplate(t)
	globals := template.at("Globals", "Function")
	for id, f := range template.ofType("AWS::Serverless::Function") {
		size, limit := f.number("MemorySize"), f.at("Environment", "Variables").text("GOMEMLIMIT")
		if size == 0 {
			size = globals.number("MemorySize")
		}
		if limit == "" {
			limit = globals.at("Environment", "Variables").text("GOMEMLIMIT")
		}
		if want := fmt.Sprintf("%dMiB", int(size)*4/5); limit != want {
			t.Errorf("%s has %v MB and a GOMEMLIMIT of %q, not %s", id, size, limit, want)
		}
	}
}

// TestCallingFunctionsAreAlike checks that every function that decides about outbound calls has the same settings, and every
// function whose tools send messages.
func TestCallingFunctionsAreAlike(t *testing.T) {
	t.Parallel()
	template := sourceTemplate(t)
	variables := func(id string) tree { return template.at("Resources", id, "Properties", "Environment", "Variables") }
	model := variables("OutboundCallUatFunction")
	for _, id := range []string{"HyperscaleOutboundCallFunction", "WebhookFunction"} {
		for name, value := range model {
			rule := strings.HasPrefix(name, "LIMIT_") || slices.Contains([]string{"ALLOWED_COUNTRIES", "DEFAULT_REGION", "REQUIRE_CONSENT", "CALLING_HOURS", "CALL_ESTIMATE_USD"}, name)
			if (rule || id != "WebhookFunction") && !reflect.DeepEqual(variables(id)[name], value) {
				t.Errorf("%s: %s is %v, not %v", id, name, variables(id)[name], value)
			}
		}
	}
	for name, value := range variables("ChatCompletionsFunction") {
		if rule := strings.HasPrefix(name, "LIMIT_") && !strings.HasPrefix(name, "LIMIT_CHAT_") || name == "ALLOWED_COUNTRIES" || name == "SMS_ESTIMATE_USD"; rule && !reflect.DeepEqual(variables("WebhookFunction")[name], value) {
			t.Errorf("WebhookFunction: %s is %v, not %v as in the chat functions", name, variables("WebhookFunction")[name], value)
		}
	}
	defaults := map[string]string{"AllowedCountries": "", "DefaultRegion": "", "RequireConsent": "false", "CallingHours": "", "LimitKeyPerMinute": "10",
		"LimitKeyPerDay": "500", "LimitDestinationPerDay": "20", "LimitCountryPerDay": "200", "LimitSpendPerDayUsd": "50", "CallEstimateUsd": "0.10",
		"LimitSmsDestinationPerMinute": "5", "LimitSmsDestinationPerDay": "20", "LimitSmsAssistantPerDay": "300", "LimitSmsCountryPerDay": "500", "LimitSmsPerDay": "1000",
		"SmsEstimateUsd": "0.05", "LimitMailAssistantPerDay": "200", "LimitMailDestinationPerDay": "400",
		"HyperscaleAssistantId": "", "VoiceStreamUrl": "", "PublicUrl": ""}
	for name, want := range defaults {
		if p := template.at("Parameters", name); p.text("Default") != want || p["AllowedPattern"] == nil && p["AllowedValues"] == nil && p["MinValue"] == nil {
			t.Errorf("parameter %s: %v; its default must be %q, with limits on the values", name, p, want)
		}
	}
}

// TestAuthorizers checks the identity sources. They are ANDed: an authorizer that names two headers requires both.
func TestAuthorizers(t *testing.T) {
	t.Parallel()
	template := sourceTemplate(t)
	authorizers := template.at("Resources", "Api", "Properties", "Auth", "Authorizers")
	for name := range authorizers {
		identity := authorizers.at(name, "Identity")
		headers := identity.list("Headers")
		if len(headers) > 1 {
			t.Errorf("authorizer %s names %v: callers would have to send all of them", name, headers)
		}
		if cached := identity.number("ReauthorizeEvery"); cached > 60 || len(headers) == 0 && cached != 0 || identity["ReauthorizeEvery"] == nil {
			t.Errorf("authorizer %s caches its answer for %v s by %v; the maximum is 60 s, so that a removed key soon stops working", name, cached, headers)
		}
	}
	if len(authorizers) < 4 {
		t.Errorf("only %d authorizers were found", len(authorizers))
	}
}

// TestGatewayResponses checks that API Gateway's own errors have the common shape, with the types and codes that package
// web uses for the same failure.
func TestGatewayResponses(t *testing.T) {
	t.Parallel()
	wanted := map[string]struct {
		status string
		kind   fault.Kind
	}{
		"ACCESS_DENIED":                  {"401", fault.Unauthorized},
		"UNAUTHORIZED":                   {"401", fault.Unauthorized},
		"MISSING_AUTHENTICATION_TOKEN":   {"404", fault.NotFound},
		"INVALID_SIGNATURE":              {"404", fault.NotFound},
		"RESOURCE_NOT_FOUND":             {"404", fault.NotFound},
		"REQUEST_TOO_LARGE":              {"413", fault.TooLarge},
		"UNSUPPORTED_MEDIA_TYPE":         {"415", fault.UnsupportedMediaType},
		"THROTTLED":                      {"429", fault.RateLimited},
		"QUOTA_EXCEEDED":                 {"429", fault.RateLimited},
		"AUTHORIZER_FAILURE":             {"500", fault.Internal},
		"AUTHORIZER_CONFIGURATION_ERROR": {"500", fault.Internal},
		"INTEGRATION_FAILURE":            {"503", fault.Unavailable},
		"INTEGRATION_TIMEOUT":            {"504", fault.Timeout},
		"DEFAULT_4XX":                    {"", fault.Invalid},
		"DEFAULT_5XX":                    {"", fault.Internal},
	}
	responses := sourceTemplate(t).at("Resources", "Api", "Properties", "GatewayResponses")
	if got := slices.Sorted(maps.Keys(responses)); !slices.Equal(got, slices.Sorted(maps.Keys(wanted))) {
		t.Errorf("gateway responses %v", got)
	}
	for name, want := range wanted {
		r := responses.at(name)
		if got := r.text("StatusCode"); got != want.status {
			t.Errorf("%s answers %q, not %q", name, got, want.status)
		}
		headers := r.at("ResponseParameters", "Headers")
		retry := want.status == "429" || want.kind == fault.Internal || want.status >= "500"
		if (headers.text("Retry-After") != "") != retry {
			t.Errorf("%s: Retry-After is %q", name, headers.text("Retry-After"))
		}
		if headers.text("Content-Type") != "'application/json'" {
			t.Errorf("%s: Content-Type is %q", name, headers.text("Content-Type"))
		}
		var body struct {
			Status, Message, RequestID string
			Error                      web.ErrorObject
		}
		text := r.at("ResponseTemplates").text("application/json")
		if err := json.Unmarshal([]byte(text), &body); err != nil {
			t.Errorf("%s: %v in %s", name, err, text)
			continue
		}
		model := web.NewErrorObject(fault.New(want.kind, body.Message))
		if want.kind == fault.NotFound {
			model.Code = "unknown_route"
		}
		if body.Error != model {
			t.Errorf("%s: error is %+v, and package web says %+v", name, body.Error, model)
		}
		if body.Status != "error" || body.RequestID != "$context.requestId" || strings.Count(text, "$") != 1 || !strings.HasSuffix(body.Message, ".") {
			t.Errorf("%s: %s", name, text)
		}
	}
}

// TestRelayApi checks what keeps frames of API Gateway's own off the WebSocket: one route for all messages, the alias of a
// function that answers before the gateway gives up, no response of the function's, and limits that calls do not reach. The log
// has nothing of what is said.
func TestRelayApi(t *testing.T) {
	t.Parallel()
	template := sourceTemplate(t)
	api := template.at("Resources", "RelayApi", "Properties")
	routes := api.at("Routes")
	if got := slices.Sorted(maps.Keys(routes)); !slices.Equal(got, []string{"$connect", "$default", "$disconnect"}) {
		t.Errorf("the routes are %v", got)
	}
	limit := template.at("Resources", "VoiceRelayFunction", "Properties").number("Timeout") * 1000
	for key := range routes {
		route := routes.at(key)
		if route.at("FunctionArn").text("Ref") != "VoiceRelayFunction.Alias" || route.number("IntegrationTimeout") <= limit || route.number("IntegrationTimeout") > 29_000 || len(route) != 2 {
			t.Errorf("%s: %v; want the alias of voice-relay, a time limit above the function's %v ms and of at most 29 s, and no response", key, route, limit)
		}
	}
	if rate := api.at("DefaultRouteSettings").number("ThrottlingRateLimit"); rate < 10*template.at("Parameters", "ThrottleRate").number("Default") {
		t.Errorf("messages are limited to %v a second", rate)
	}
	if api.at("RouteSettings", "$connect").at("ThrottlingRateLimit").text("Ref") != "ThrottleRate" {
		t.Error("handshakes, which everybody can try, have no limit of their own")
	}
	var line map[string]string
	if err := json.Unmarshal([]byte(api.at("AccessLogSettings").text("Format")), &line); err != nil {
		t.Errorf("the access log is not JSON: %v", err)
	}
	for name, variable := range line {
		if strings.Contains(variable, "identity") || strings.Contains(variable, "authorizer") || strings.Contains(variable, "request.") || strings.Contains(variable, "Message") {
			t.Errorf("the access log has %s: %s", name, variable)
		}
	}
	address := "${RelayApi}.execute-api.${AWS::Region}.${AWS::URLSuffix}/${Stage}"
	if got := template.at("Outputs", "RelayApiAddress", "Value").text("Fn::Sub"); got != "wss://"+address {
		t.Errorf("the output is %s", got)
	}
	settings := 0
	for id, f := range template.ofType("AWS::Serverless::Function") {
		variables := f.at("Environment", "Variables")
		if choice := variables.at("VOICE_RELAY_URL").list("Fn::If"); len(choice) == 3 {
			settings++
			own, _ := choice[2].(map[string]any)
			given, _ := choice[1].(map[string]any)
			if choice[0] != "HasVoiceRelayUrl" || given["Ref"] != "VoiceRelayUrl" || own["Fn::Sub"] != "wss://"+address {
				t.Errorf("%s: VOICE_RELAY_URL is %v", id, choice)
			}
		} else if variables["VOICE_RELAY_URL"] != nil {
			t.Errorf("%s: VOICE_RELAY_URL is %v", id, variables["VOICE_RELAY_URL"])
		}
		if variables["RELAY_API_URL"] != nil && variables.at("RELAY_API_URL").text("Fn::Sub") != "https://"+address {
			t.Errorf("%s: RELAY_API_URL is %v", id, variables["RELAY_API_URL"])
		}
	}
	if settings < 3 {
		t.Errorf("only %d functions have VOICE_RELAY_URL", settings)
	}
}

// TestQueues checks what Lambda requires of a queue: a visibility timeout of six function timeouts.
func TestQueues(t *testing.T) {
	t.Parallel()
	template := sourceTemplate(t)
	queues := template.at("Resources")
	consumers := 0
	for id, f := range template.ofType("AWS::Serverless::Function") {
		for name := range f.at("Events") {
			if f.at("Events", name).text("Type") != "SQS" {
				continue
			}
			consumers++
			event := f.at("Events", name, "Properties")
			queue := referencedIDs(event["Queue"])[0]
			properties := queues.at(queue, "Properties")
			if got, least := properties.number("VisibilityTimeout"), 6*f.number("Timeout"); got < least {
				t.Errorf("%s: the visibility timeout is %v s; six timeouts of %s are %v s", queue, got, id, least)
			}
			if !slices.Equal(event.list("FunctionResponseTypes"), []any{"ReportBatchItemFailures"}) {
				t.Errorf("%s: without ReportBatchItemFailures one failed message of %s returns its whole batch", id, queue)
			}
			if properties.at("RedrivePolicy").number("maxReceiveCount") < 5 {
				t.Errorf("%s: maxReceiveCount must be at least 5", queue)
			}
			dead := referencedIDs(properties.at("RedrivePolicy")["deadLetterTargetArn"])
			if len(dead) != 1 {
				t.Errorf("%s has no dead-letter queue", queue)
				continue
			}
			if queues.at(dead[0], "Properties").at("RedriveAllowPolicy").text("redrivePermission") != "byQueue" {
				t.Errorf("%s must accept dead letters of its own queue only", dead[0])
			}
		}
	}
	if consumers < 3 {
		t.Errorf("only %d queue consumers were found", consumers)
	}
	for id, q := range template.ofType("AWS::SQS::Queue") {
		encrypted := q.text("SqsManagedSseEnabled") == "true"
		if choice := q.at("SqsManagedSseEnabled").list("Fn::If"); len(choice) == 3 { // with a customer-managed key
			encrypted = choice[1] == false && choice[2] == true && len(q.at("KmsMasterKeyId")) > 0
		}
		if !encrypted || q.number("MessageRetentionPeriod") != 14*24*3600 {
			t.Errorf("%s: SqsManagedSseEnabled %s, MessageRetentionPeriod %v s", id, q.text("SqsManagedSseEnabled"), q.number("MessageRetentionPeriod"))
		}
	}
}

// TestStores checks that tables and bucket are encrypted, can be restored, outlive the stack and expire their data.
func TestStores(t *testing.T) {
	t.Parallel()
	template := sourceTemplate(t)
	var indexes []string
	keys := map[string]string{"AssistantsTable": "assistantId", "CallsTable": "assistantDay callId", "LedgerTable": "key", "TracesTable": "call at", "HistoryTable": "pk sk"}
	for id, table := range template.ofType("AWS::DynamoDB::Table") {
		var schema []string
		for _, k := range table.trees("KeySchema") {
			schema = append(schema, k.text("AttributeName"))
		}
		if got := strings.Join(schema, " "); got != keys[id] {
			t.Errorf("%s has the key %q, not %q", id, got, keys[id])
		}
		delete(keys, id)
		for _, index := range table.trees("GlobalSecondaryIndexes") {
			if schema := index.trees("KeySchema"); len(schema) == 0 || schema[0].text("AttributeName") != index.text("IndexName") {
				t.Errorf("%s: an index is named after the attribute that it looks up, not %s", id, index.text("IndexName"))
			}
			indexes = append(indexes, id+" "+index.text("IndexName"))
		}
		hasRecovery := table.at("PointInTimeRecoverySpecification").text("PointInTimeRecoveryEnabled") == "true"
		if table.text("BillingMode") != "PAY_PER_REQUEST" || hasRecovery == (id == "TracesTable") { // traces can be lost
			t.Errorf("%s: billing or recovery", id)
		}
		if ttl := table.at("TimeToLiveSpecification"); id != "AssistantsTable" && (ttl.text("AttributeName") != "expiresAt" || ttl.text("Enabled") != "true") {
			t.Errorf("%s has no TTL", id)
		}
	}
	if len(keys) > 0 {
		t.Errorf("missing: %v", keys)
	}
	wanted := []string{"AssistantsTable numberE164", "AssistantsTable internalKey", "AssistantsTable scheduledKey", "AssistantsTable textKey", "CallsTable callerKey"}
	if !slices.Equal(indexes, wanted) {
		t.Errorf("indexes %v, not %v", indexes, wanted)
	}

	bucket := template.at("Resources", "Bucket", "Properties")
	for _, block := range []string{"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"} {
		if bucket.at("PublicAccessBlockConfiguration").text(block) != "true" {
			t.Errorf("Bucket: %s is off", block)
		}
	}
	if len(bucket.at("BucketEncryption")) == 0 {
		t.Error("Bucket: encryption")
	}
	if rules := bucket.at("LifecycleConfiguration").trees("Rules"); len(rules) == 0 || rules[0].at("ExpirationInDays").text("Ref") != "RetentionDays" {
		t.Error("Bucket keeps its objects for ever")
	}
	var tls bool
	for _, statement := range template.at("Resources", "BucketPolicy", "Properties", "PolicyDocument").trees("Statement") {
		tls = tls || statement.text("Effect") == "Deny" && statement.text("Action") == "s3:*" && statement.text("Principal") == "*" &&
			len(statement.list("Resource")) == 2 && statement.at("Condition", "Bool").text("aws:SecureTransport") == "false"
	}
	if !tls {
		t.Error("Bucket takes requests without TLS")
	}
	for id, secret := range template.ofType("AWS::SecretsManager::Secret") {
		if start := secret.text("SecretString"); start != "" && start != "[]" {
			t.Errorf("%s has a value in the template", id)
		}
		if len(secret.at("KmsKeyId")) == 0 {
			t.Errorf("%s must take the customer-managed key", id)
		}
		// AWS generates only values that no person needs to know. API keys are given to callers.
		if (secret["GenerateSecretString"] != nil) != (id == "LinksSecret" || id == "SessionsSecret") || !strings.HasPrefix(secret.at("Name").text("Fn::Sub"), "aurora/${Stage}/") {
			t.Errorf("%s: %v", id, secret)
		}
	}
}
