package rules_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"example.com/aurora/shared/dev/testkit"
)

// The tests in this file check template.yaml as SAM translates it, since that is what is deployed. Some mistakes are
// visible only there: a route that does not stream, a role that is too wide, a cycle.

var (
	translations   = map[string]translation{} // by the parameters
	translationsMu sync.Mutex
)

type translation struct {
	text []byte
	err  error
}

// translatedTemplate returns template.yaml as SAM translates it with parameters in the form Name=value, and its text.
func translatedTemplate(t *testing.T, parameters ...string) (tree, []byte) {
	t.Helper()
	return translate(t, filepath.Join(root, "template.yaml"), parameters...)
}

// translate returns a template as SAM translates it.
func translate(t *testing.T, file string, parameters ...string) (tree, []byte) {
	t.Helper()
	translationsMu.Lock()
	defer translationsMu.Unlock()
	key := file + " " + strings.Join(parameters, " ")
	if _, ok := translations[key]; !ok {
		if err := exec.Command("python3", "-c", "import samtranslator").Run(); err != nil {
			testkit.SkipCheck(t, "the SAM translator (pip install aws-sam-translator) is not installed: the translated template was not checked")
		}
		text, err := exec.Command("python3", append([]string{filepath.Join("testdata", "translate.py"), file}, parameters...)...).Output()
		translations[key] = translation{text, err}
	}
	text, err := translations[key].text, translations[key].err
	if err != nil {
		var why []byte
		if exit, ok := err.(*exec.ExitError); ok {
			why = exit.Stderr
		}
		t.Fatalf("SAM does not translate %s with %v: %v\n%s", file, parameters, err, why)
	}
	var template tree
	if err := json.Unmarshal(text, &template); err != nil {
		t.Fatal(err)
	}
	return template, text
}

func TestTranslatedRoutes(t *testing.T) {
	t.Parallel()
	template, _ := translatedTemplate(t)
	body := template.at("Resources", "Api", "Properties", "Body")
	streamed := map[string]bool{}
	for id, f := range sourceTemplate(t).ofType("AWS::Serverless::Function") {
		for name := range f.at("Events") {
			if event := f.at("Events", name); event.text("Type") == "Api" {
				path := event.at("Properties").text("Path")
				streamed[path] = event.at("Properties")["ResponseTransferMode"] != nil
				method := body.at("paths", path, strings.ToLower(event.at("Properties").text("Method")))
				integration := method.at("x-amazon-apigateway-integration")
				if integration.number("timeoutInMillis") == 0 {
					t.Errorf("%s %s: no time limit", id, path)
				}
				if (method["security"] == nil) != slices.Contains(openRoutes, event.at("Properties").text("Method")+" "+path) {
					t.Errorf("%s %s: the authorizer is %v", id, path, method["security"])
				}
				uri := integration.at("uri").text("Fn::Sub")
				streams := strings.Contains(uri, "2021-11-15") && strings.HasSuffix(uri, "/response-streaming-invocations") && integration.text("responseTransferMode") == "STREAM"
				if streams != streamed[path] {
					t.Errorf("%s %s: streams is %v in %s", id, path, streams, uri)
				}
			}
		}
	}
	if got := len(body.at("paths")); got != len(streamed) || got == 0 {
		t.Errorf("%d paths of %d", got, len(streamed))
	}
	for _, name := range []string{"ACCESS_DENIED", "UNAUTHORIZED"} {
		if got := body.at("x-amazon-apigateway-gateway-responses", name).text("statusCode"); got != "401" {
			t.Errorf("%s is %s", name, got)
		}
	}
	stages := 0
	for id, stage := range template.ofType("AWS::ApiGateway::Stage") {
		stages++
		if stage.text("TracingEnabled") != "true" || len(stage.at("AccessLogSetting")) == 0 {
			t.Errorf("%s: tracing or access log", id)
		}
		for _, s := range stage.trees("MethodSettings") {
			if s["DataTraceEnabled"] != nil || s["LoggingLevel"] != nil || s["ThrottlingRateLimit"] == nil || s.text("MetricsEnabled") != "false" {
				t.Errorf("%s: %v", id, s)
			}
		}
	}
	if _, extra := template.at("Resources", "Api", "Properties", "Body")["swagger"]; stages != 1 || extra {
		t.Errorf("%d stages; swagger 2 would add one called Stage: %v", stages, extra)
	}
}

// TestTranslatedInvokers checks who may invoke a function: the public function URLs, which need two permissions since
// October 2025 (https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html), and this stack's API, queues and schedules.
//
// All permissions of a function together have at most 20 KB (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html),
// and each route adds one of up to 470 bytes. A function with more routes cannot be deployed.
func TestTranslatedInvokers(t *testing.T) {
	t.Parallel()
	template, _ := translatedTemplate(t)
	public, permissions := map[string][]string{}, map[string]int{}
	for id, p := range template.ofType("AWS::Lambda::Permission") {
		function := referencedIDs(p["FunctionName"])[0]
		if permissions[function]++; permissions[function] == 20<<10/470+1 {
			t.Errorf("%s has too many routes: their permissions do not fit into its policy", function)
		}
		switch {
		case p.text("Principal") == "apigateway.amazonaws.com":
			if source := p.at("SourceArn"); len(source) == 0 || !slices.ContainsFunc(referencedIDs(source), func(id string) bool { return id == "Api" || id == "RelayApi" }) {
				t.Errorf("%s: any API of any account may invoke %s", id, function)
			}
		case p.text("Principal") == "*" && (p.text("FunctionUrlAuthType") == "NONE" || p.text("InvokedViaFunctionUrl") == "true"):
			public[function] = append(public[function], p.text("Action"))
		default:
			t.Errorf("%s: %v", id, p)
		}
	}
	addresses := map[string]bool{}
	for id, u := range template.ofType("AWS::Lambda::Url") {
		function := referencedIDs(u["TargetFunctionArn"])[0]
		addresses[function] = true
		slices.Sort(public[function])
		if !slices.Equal(public[function], []string{"lambda:InvokeFunction", "lambda:InvokeFunctionUrl"}) {
			t.Errorf("%s: permissions %v", id, public[function])
		}
	}
	for function := range public {
		if !addresses[function] {
			t.Errorf("%s is public and has no function URL", function)
		}
	}
	if len(addresses) == 0 {
		t.Error("no function URL was found")
	}
}

// TestTranslatedRoles checks least privilege: no wildcard actions, no Scan but that of the
// operators' list of assistants, no resources outside this stack.
func TestTranslatedRoles(t *testing.T) {
	t.Parallel()
	template, _ := translatedTemplate(t)
	// What SAM gives every function: writing logs and traces.
	stock := []string{"AWSLambdaBasicExecutionRole", "AWSXrayWriteOnlyAccess", "AWSXRayDaemonWriteAccess"}
	roles := 0
	for id, role := range template.ofType("AWS::IAM::Role") {
		if id == "ApiGatewayLogsRole" || id == "CodeDeployServiceRole" { // AWS's policies for these services
			continue
		}
		if !strings.HasSuffix(id, "FunctionWeeklyRole") && !strings.HasSuffix(id, "FunctionMonthlyRole") && !strings.HasSuffix(id, "FunctionDailyRole") { // a schedule's, which SAM makes
			roles++
		}
		for _, arn := range role.list("ManagedPolicyArns") {
			if own := referencedIDs(arn); len(own) == 1 && template.at("Resources", own[0]).text("Type") == "AWS::IAM::ManagedPolicy" {
				continue // looked at below
			}
			name, _ := arn.(string)
			if !slices.Contains(stock, name[strings.LastIndex(name, "/")+1:]) {
				t.Errorf("%s has the policy %v, which is too wide", id, arn)
			}
		}
		for _, policy := range role.trees("Policies") {
			checkNarrow(t, id, policy.at("PolicyDocument"))
		}
	}
	for id, policy := range template.ofType("AWS::IAM::ManagedPolicy") {
		checkNarrow(t, id, policy.at("PolicyDocument"))
	}
	functions := 0
	for id, f := range template.ofType("AWS::Lambda::Function") {
		functions++
		group := referencedIDs(f.at("LoggingConfig")["LogGroup"])
		if len(group) != 1 {
			t.Errorf("%s logs to a group outside the template, which never expires", id)
			continue
		}
		if got := template.at("Resources", group[0], "Properties", "RetentionInDays"); got.text("Ref") != "LogRetentionDays" {
			t.Errorf("log group %s: RetentionInDays %v", group[0], got)
		}
		if f.at("LoggingConfig").text("LogFormat") != "Text" {
			t.Errorf("%s: LogFormat must be Text, so that Lambda does not wrap the JSON lines", id)
		}
		if f.text("Runtime") != "provided.al2023" || f.text("Handler") != "bootstrap" || !slices.Equal(f.list("Architectures"), []any{"arm64"}) || f.at("TracingConfig").text("Mode") != "Active" {
			t.Errorf("%s: runtime, handler, architecture or tracing", id)
		}
	}
	if functions == 0 || roles != functions {
		t.Errorf("%d roles for %d functions", roles, functions)
	}
}

// TestTranslatedPermissionsByPrefix checks which parts of shared stores functions may use: ledger keys, tools' secrets and the
// prefixes of the bucket. Who may read objects may list their prefix, and no other: S3 answers 403 instead of 404 for a missing
// object otherwise, and takes the object's key as the prefix.
func TestTranslatedPermissionsByPrefix(t *testing.T) {
	t.Parallel()
	template, _ := translatedTemplate(t)
	ledgerKeys := map[string][]string{"OperatorsFunctionRole": {"session-end#*", "connection", "call#*", "placed#*", "number#*"}, "AuthorizerOperatorFunctionRole": {"session-end#*", "connection"},
		"CallWorkerRole": {"call#*", "erased#*"}, "ReportPolicy": {"sent#*"},
		"MessageIncomingFunctionRole": {"dnc#*", "textstatus#*", "connection"},
		"VoiceIncomingFunctionRole":   {"phone#*", "relaytoken#*", "count#*", "connection"}, "VoiceAfterFunctionRole": {"phone#*", "phoneturns#*", "relaytoken#*", "connection"}}
	policies := map[string][]tree{} // the statements by the id of the role or policy
	for id, policy := range template.ofType("AWS::IAM::ManagedPolicy") {
		policies[id] = policy.at("PolicyDocument").trees("Statement")
	}
	for id, role := range template.ofType("AWS::IAM::Role") {
		for _, policy := range role.trees("Policies") {
			policies[id] = append(policies[id], policy.at("PolicyDocument").trees("Statement")...)
		}
	}
	for id, statements := range policies {
		var listed, read, keys []string
		for _, s := range statements {
			text, _ := json.Marshal(s)
			if strings.Contains(string(text), "s3:ListBucket") {
				prefixes := s.at("Condition", "StringLike").list("s3:prefix")
				if len(prefixes) == 0 {
					t.Errorf("%s may list the whole bucket", id)
				}
				for _, prefix := range prefixes {
					listed = append(listed, fmt.Sprint(prefix))
				}
			}
			for _, resource := range s.trees("Resource") {
				if _, prefix, ok := strings.Cut(resource.text("Fn::Sub"), "${Bucket.Arn}/"); ok && strings.Contains(string(text), "s3:GetObject") {
					read = append(read, prefix)
				}
			}
			if strings.Contains(string(text), ":secret:aurora/${Stage}/tools/") && id != "ToolsPolicy" {
				t.Errorf("%s may read the secrets of tools, which its functions do not run", id)
			}
			if slices.Contains(referencedIDs(s["Resource"]), "LedgerTable") {
				for _, key := range s.at("Condition", "ForAllValues:StringLike").list("dynamodb:LeadingKeys") {
					keys = append(keys, fmt.Sprint(key))
				}
			}
		}
		slices.Sort(listed)
		slices.Sort(read)
		if len(read) > 0 && !slices.Equal(slices.Compact(listed), slices.Compact(read)) {
			t.Errorf("%s may read objects under %v and list those under %v", id, read, listed)
		}
		if !slices.Equal(keys, ledgerKeys[id]) {
			t.Errorf("%s: ledger keys %v, want %v", id, keys, ledgerKeys[id])
		}
		delete(ledgerKeys, id)
	}
	if len(ledgerKeys) > 0 {
		t.Errorf("no permission on the ledger was found for %v", ledgerKeys)
	}
}

// TestTranslatedOptionalParts checks the customer-managed key and the web ACL: every role may use the key.
func TestTranslatedOptionalParts(t *testing.T) {
	t.Parallel()
	template, _ := translatedTemplate(t)
	var roles []string
	for _, role := range template.at("Resources", "KmsPolicy", "Properties").list("Roles") {
		roles = append(roles, referencedIDs(role)...)
	}
	for id, f := range template.ofType("AWS::Lambda::Function") {
		if role := referencedIDs(f["Role"]); len(role) != 1 || !slices.Contains(roles, role[0]) {
			t.Errorf("%s: its role may not use the customer-managed key", id)
		}
	}
	webACL := template.at("Resources", "WebAclAssociation", "Properties")["ResourceArn"]
	var stages []string
	for id := range template.ofType("AWS::ApiGateway::Stage") {
		stages = append(stages, id)
	}
	if ids := referencedIDs(webACL); len(stages) != 1 || !slices.Contains(ids, stages[0]) {
		t.Errorf("the web ACL is for %v, not for the stage of the API", webACL)
	}
}

// checkNarrow checks the statements of a policy, in both branches of a condition.
func checkNarrow(t *testing.T, id string, policy tree) {
	t.Helper()
	statements := policy.trees("Statement")
	for i := 0; i < len(statements); i++ {
		s := statements[i]
		if branches := s.list("Fn::If"); len(branches) == 3 {
			for _, branch := range branches[1:] {
				if b, ok := branch.(map[string]any); ok && b["Ref"] == nil {
					statements = append(statements, b)
				}
			}
			continue
		}
		if len(s.list("Action")) == 0 || len(s.list("Resource")) == 0 {
			t.Errorf("%s has a statement that this test cannot read: %v", id, s)
		}
		for _, action := range s.list("Action") {
			a, _ := action.(string)
			if a == "" || strings.Contains(a, "*") || a == "dynamodb:Scan" && id != "OperatorsFunctionRole" || a == "dynamodb:BatchWriteItem" {
				t.Errorf("%s may %s", id, a)
			}
			if slices.Contains(s.list("Resource"), any("*")) && !strings.HasPrefix(a, "xray:Put") {
				t.Errorf("%s may %s anything", id, a)
			}
			if strings.HasPrefix(a, "ses:Send") && len(s.at("Condition", "StringEquals", "ses:FromAddress")) == 0 {
				t.Errorf("%s may %s from any verified address of the account", id, a)
			}
		}
	}
}

// TestTranslatedCycles looks for dependency cycles, which CloudFormation rejects and the linter sees only in the translated
// template. The usual one is bucket, queue policy and notification.
func TestTranslatedCycles(t *testing.T) {
	t.Parallel()
	template, _ := translatedTemplate(t, optionalParameters...)
	resources := template.at("Resources")
	const visiting, done = 1, 2
	state := map[string]int{}
	var visit func(id string, path []string)
	visit = func(id string, path []string) {
		if state[id] == done || resources[id] == nil {
			return
		}
		if state[id] == visiting {
			t.Errorf("cycle: %s → %s", strings.Join(path, " → "), id)
			return
		}
		state[id] = visiting
		for _, next := range referencedIDs(resources[id]) {
			visit(next, append(slices.Clone(path), id))
		}
		state[id] = done
	}
	for id := range resources {
		visit(id, nil)
	}
	if got := template.at("Resources", "Bucket").text("DependsOn"); got != "CallsQueuePolicy" {
		t.Errorf("Bucket depends on %q: S3 tests the queue when the notification is set, so the queue policy must exist first", got)
	}
}

// TestTranslatedLints lints the template as it is translated without parameters, and with every optional one.
func TestTranslatedLints(t *testing.T) {
	t.Parallel()
	for name, parameters := range map[string][]string{"no parameter": nil, "every optional parameter": optionalParameters} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, text := translatedTemplate(t, parameters...)
			if _, err := exec.LookPath("cfn-lint"); err != nil {
				testkit.SkipCheck(t, "cfn-lint (pip install cfn-lint) is not installed: the translated template was not linted")
			}
			file := filepath.Join(t.TempDir(), "translated.json")
			if err := os.WriteFile(file, text, 0o600); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command("cfn-lint", file).CombinedOutput(); err != nil {
				t.Errorf("cfn-lint: %v\n%s", err, out)
			}
		})
	}
}
