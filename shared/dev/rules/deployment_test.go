package rules_test

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// optionalParameters gives every parameter that may be empty or off a value.
var optionalParameters = []string{
	"LogLevel=debug", "LogRetentionDays=90", "RetentionDays=60", "DeletionProtection=true", "AllowedModelOptions=store,metadata", "ReservedConcurrency=50",
	"WorkerConcurrency=10", "MailFrom=aurora@example.com", "MailConfigurationSet=reports", "PublicUrl=https://aurora.example.com",
	"VoiceStreamUrl=wss://voice.example.com/stream", "HyperscaleAssistantId=harbor",
	"VoiceRelayUrl=wss://voice.example.com/relay", "VoiceRelayConcurrency=100", "AllowedCountries=US,CA", "DefaultRegion=US", "RequireConsent=true",
	"CallingHours=08:00-21:00",
	"VoiceMode=relay", "LimitIncomingCallerPerMinute=5", "LimitIncomingAssistantPerMinute=50", "VoiceMinuteUsd=0.0085", "RelayMinuteUsd=0.07", "AlarmTopicArn=arn:aws:sns:eu-west-1:000000000000:alarms", "AssistantsTableName=aurora-prod-assistants-2",
	"CallsTableName=aurora-prod-calls-2", "LedgerTableName=aurora-prod-ledger-2", "TracesTableName=aurora-prod-traces-2", "HistoryTableName=aurora-prod-history-2", "TrafficShift=Canary10Percent10Minutes",
	"KmsKeyArn=arn:aws:kms:eu-west-1:000000000000:key/11111111-2222-3333-4444-555555555555", "AccessLogBucket=aurora-access-logs",
	"WebAclArn=arn:aws:wafv2:eu-west-1:000000000000:regional/webacl/aurora/11111111-2222-3333-4444-555555555555",
}

// TestOptionalParametersAreComplete checks that optionalParameters has every parameter that may be empty, with allowed values.
func TestOptionalParametersAreComplete(t *testing.T) {
	t.Parallel()
	given := map[string]string{}
	for _, parameter := range optionalParameters {
		name, value, _ := strings.Cut(parameter, "=")
		given[name] = value
	}
	parameters := sourceTemplate(t).at("Parameters")
	for name := range parameters {
		p := parameters.at(name)
		if value, ok := given[name]; !ok && p["Default"] == "" {
			t.Errorf("optionalParameters lacks %s", name)
		} else if pattern := p.text("AllowedPattern"); ok && pattern != "" && !regexp.MustCompile(pattern).MatchString(value) {
			t.Errorf("%s: %q does not match %s", name, value, pattern)
		}
		delete(given, name)
	}
	if len(given) > 0 {
		t.Errorf("the template has no parameters %v", given)
	}
}

// TestRetention checks that what holds data outlives the stack, and that a first deployment which fails leaves nothing with a
// fixed name behind, so that it can be tried again.
func TestRetention(t *testing.T) {
	t.Parallel()
	for _, parameters := range [][]string{nil, optionalParameters} {
		template, _ := translatedTemplate(t, parameters...)
		resources, holders := template.at("Resources"), 0
		for id := range resources {
			resource := resources.at(id)
			holdsData := slices.Contains([]string{"AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::SecretsManager::Secret"}, resource.text("Type"))
			if holdsData {
				holders++
			}
			if holdsData && (resource.text("DeletionPolicy") != "RetainExceptOnCreate" || resource.text("UpdateReplacePolicy") != "Retain") {
				t.Errorf("%s: DeletionPolicy %q, UpdateReplacePolicy %q", id, resource.text("DeletionPolicy"), resource.text("UpdateReplacePolicy"))
			}
			if !holdsData && resource.text("DeletionPolicy") == "Retain" && !slices.Contains([]string{"AWS::Lambda::Version", "AWS::ApiGateway::Account", "AWS::IAM::Role"}, resource.text("Type")) {
				t.Errorf("%s is retained after a failed first deployment", id)
			}
			for _, property := range []string{"LogGroupName", "QueueName", "TableName", "BucketName", "DashboardName"} {
				if name := fmt.Sprint(resource.at("Properties")[property]); name != "<nil>" && resource.text("DeletionPolicy") == "Retain" {
					t.Errorf("%s has the fixed name %s and stays after a failed first deployment", id, name)
				}
			}
		}
		if holders < 10 {
			t.Errorf("only %d tables, buckets and secrets were found", holders)
		}
	}
}

// TestTableEncryption checks that tables use a key of AWS, which costs nothing, or the customer-managed one.
func TestTableEncryption(t *testing.T) {
	t.Parallel()
	for id, table := range sourceTemplate(t).ofType("AWS::DynamoDB::Table") {
		choice := table.at("SSESpecification").list("Fn::If")
		if len(choice) != 3 || choice[0] != "HasKmsKey" {
			t.Errorf("%s: the encryption is %v", id, table["SSESpecification"])
			continue
		}
		own, _ := choice[1].(map[string]any)
		free, _ := choice[2].(map[string]any)
		if tree(own).text("SSEType") != "KMS" || tree(own).at("KMSMasterKeyId").text("Ref") != "KmsKeyArn" || free["SSEEnabled"] != false || len(free) != 1 {
			t.Errorf("%s: the encryption is %v; SSEEnabled without a key of one's own is billed by KMS", id, choice)
		}
	}
}

// TestFault80GradualDeployment checks the deployment of new versions: every function has an alias, to which all that invokes it goes, and
// with a gradual shift its own alarms move the traffic back.
func TestFault80GradualDeployment(t *testing.T) {
	t.Parallel()
	template, _ := translatedTemplate(t)
	for _, kind := range []string{"AWS::CodeDeploy::Application", "AWS::CodeDeploy::DeploymentGroup"} {
		for id := range template.ofType(kind) {
			t.Errorf("%s: the default moves all traffic at once", id)
		}
	}
	template, _ = translatedTemplate(t, optionalParameters...)
	alarms := template.at("Resources")
	functions := 0
	for id := range template.ofType("AWS::Lambda::Function") {
		functions++
		alias := template.at("Resources", id+"Aliaslive")
		if group := alias.at("UpdatePolicy", "CodeDeployLambdaAliasUpdate", "DeploymentGroupName").text("Ref"); alias.at("Properties").text("Name") != "live" || group != id+"DeploymentGroup" {
			t.Errorf("%s: the alias is %v", id, alias)
		}
		group := template.at("Resources", id+"DeploymentGroup", "Properties")
		triggers := referencedIDs(group["AlarmConfiguration"])
		if group.at("AlarmConfiguration").text("Enabled") != "true" || !slices.Contains(triggers, strings.TrimSuffix(id, "Function")+"Errors") {
			t.Errorf("%s: the alarms that move traffic back are %v", id, triggers)
		}
		for _, alarm := range triggers {
			if alarms.at(alarm).text("Type") != "AWS::CloudWatch::Alarm" {
				t.Errorf("%s: %s is no alarm", id, alarm)
			}
		}
		if events := group.at("AutoRollbackConfiguration").list("Events"); !slices.Contains(events, any("DEPLOYMENT_STOP_ON_ALARM")) {
			t.Errorf("%s: rolls back on %v", id, events)
		}
	}
	if functions == 0 {
		t.Error("no function was found")
	}
	// What invokes functions names the alias: by its own version a function would serve the latest code at once.
	for id := range template.at("Resources") {
		resource := template.at("Resources", id)
		for kind, property := range map[string]string{"AWS::Lambda::Permission": "FunctionName", "AWS::Lambda::Url": "TargetFunctionArn", "AWS::Lambda::EventSourceMapping": "FunctionName"} {
			if target := referencedIDs(resource.at("Properties")[property]); resource.text("Type") == kind && !strings.HasSuffix(target[0], "Aliaslive") {
				t.Errorf("%s: invokes %v", id, target)
			}
		}
		if target := referencedIDs(resource.at("Properties", "Target")["Arn"]); resource.text("Type") == "AWS::Scheduler::Schedule" && !strings.HasSuffix(target[0], "Aliaslive") {
			t.Errorf("%s: invokes %v", id, target)
		}
	}
	for _, id := range referencedIDs(template.at("Resources", "Api", "Properties", "Body")) {
		if strings.HasSuffix(id, "Function") {
			t.Errorf("the API invokes %s and not its alias", id)
		}
	}
}

// TestReleaseOfParameters checks that a deployment which changes nothing but a parameter moves the alias too. SAM publishes a
// version when the code or the text of the settings changes, and a parameter's value is neither; make deploy adds to each
// function what makes the version a new one.
func TestReleaseOfParameters(t *testing.T) {
	t.Parallel()
	built, err := os.ReadFile(filepath.Join(root, "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var versions [2][]string
	for i, release := range []string{"1111111111", "2222222222"} {
		file := filepath.Join(t.TempDir(), "template.yaml")
		if err := os.WriteFile(file, built, 0o600); err != nil {
			t.Fatal(err)
		}
		command := exec.CommandContext(t.Context(), "make", "release", "RELEASE="+release, "BUILT="+file)
		command.Dir = root
		command.Env = append(os.Environ(), "MAKEFLAGS=")
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("make release: %v\n%s", err, out)
		}
		template, _ := translate(t, file)
		for id := range template.ofType("AWS::Lambda::Version") {
			versions[i] = append(versions[i], id)
		}
		for id, f := range template.ofType("AWS::Lambda::Function") {
			if !strings.HasSuffix(f.text("Description"), " "+release) {
				t.Errorf("%s: %q does not name the release: Lambda makes no second version of the same code and settings", id, f.text("Description"))
			}
		}
	}
	if len(versions[0]) == 0 || len(versions[0]) != len(versions[1]) {
		t.Errorf("%d and %d versions", len(versions[0]), len(versions[1]))
	}
	for _, id := range versions[0] {
		if slices.Contains(versions[1], id) {
			t.Errorf("both releases have the version %s", id)
		}
	}
}

// TestLogGroupsAreNotRecreated checks that no function may create a log group: the group would never expire, and the next
// deployment would fail because it exists.
func TestLogGroupsAreNotRecreated(t *testing.T) {
	t.Parallel()
	template, _ := translatedTemplate(t)
	for id, f := range template.ofType("AWS::Lambda::Function") {
		role := template.at("Resources", referencedIDs(f["Role"])[0], "Properties")
		policies := fmt.Sprint(role["ManagedPolicyArns"])
		if strings.Contains(policies, "AWSLambdaBasicExecutionRole") && !strings.Contains(policies, "LogsPolicy") {
			t.Errorf("%s may create log groups", id)
		}
	}
	denied := template.at("Resources", "LogsPolicy", "Properties", "PolicyDocument").trees("Statement")
	if len(denied) != 1 || denied[0].text("Effect") != "Deny" || denied[0].text("Action") != "logs:CreateLogGroup" {
		t.Errorf("LogsPolicy says %v", denied)
	}
}

// TestWorkersLeaveRoomForCallers checks the default of WorkerConcurrency against the ten concurrent executions of a new account:
// queues that are full take six of them, and callers have the others.
func TestWorkersLeaveRoomForCallers(t *testing.T) {
	t.Parallel()
	template := sourceTemplate(t)
	most, sources := 0.0, 0
	for id, f := range template.ofType("AWS::Serverless::Function") {
		for name := range f.at("Events") {
			if f.at("Events", name).text("Type") != "SQS" || id == "VoiceWorkerFunction" || id == "MessageWorkerFunction" { // people wait for them
				continue
			}
			sources++
			scaling := f.at("Events", name, "Properties", "ScalingConfig")
			workers := scaling.number("MaximumConcurrency")
			if parameter := scaling.at("MaximumConcurrency").text("Ref"); parameter != "" {
				workers = template.at("Parameters", parameter).number("Default")
			}
			if workers < 2 {
				t.Errorf("%s: MaximumConcurrency of %s is %v; Lambda takes no less than 2", id, name, workers)
			}
			most += workers
		}
	}
	if sources < 3 || most > 6 {
		t.Errorf("%d queues take %v of ten concurrent executions", sources, most)
	}
}

// TestMailPermissions checks the permission on configuration sets. SES applies the identity's default set where a mail names
// none, and rejects the mail if the sender may not use that one.
func TestMailPermissions(t *testing.T) {
	t.Parallel()
	template := sourceTemplate(t)
	for _, id := range []string{"ToolsPolicy", "ReportPolicy"} {
		found := false
		for _, s := range template.at("Resources", id, "Properties", "PolicyDocument").trees("Statement") {
			branches := s.list("Fn::If")
			if len(branches) != 3 || branches[0] != "HasMail" {
				continue
			}
			mail, _ := branches[1].(map[string]any)
			for _, resource := range tree(mail).trees("Resource") {
				sets := resource.list("Fn::If")
				if len(sets) != 3 || sets[0] != "HasMailConfigurationSet" {
					continue
				}
				found = true
				named, any := fmt.Sprint(sets[1]), fmt.Sprint(sets[2])
				if !strings.HasSuffix(named, ":configuration-set/${MailConfigurationSet}]") || !strings.HasSuffix(any, ":configuration-set/*]") {
					t.Errorf("%s: %s, and without a name %s", id, named, any)
				}
			}
		}
		if !found {
			t.Errorf("%s: no permission on a configuration set was found", id)
		}
	}
}

// TestIndexChanges compares the indexes with those of the released template. DynamoDB creates or deletes one global secondary
// index in an update of a table, and CloudFormation fails when a deployment changes two.
func TestIndexChanges(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("testdata", "released-indexes.txt"))
	if err != nil {
		t.Fatal(err)
	}
	now := tableIndexes(sourceTemplate(t))
	for table, changes := range indexChanges(strings.Split(strings.TrimSpace(string(text)), "\n"), now) {
		if changes > 1 {
			t.Errorf("%s has %d index changes since the last release. Release them one after the other, and after each one write this into testdata/released-indexes.txt:\n%s", table, changes, strings.Join(now, "\n"))
		}
	}
	for name, c := range map[string]struct {
		released, now []string
		want          map[string]int
	}{
		"no change":            {[]string{"A table", "A index one"}, []string{"A table", "A index one"}, map[string]int{}},
		"one more":             {[]string{"A table", "A index one"}, []string{"A table", "A index one", "A index two"}, map[string]int{"A": 1}},
		"one renamed":          {[]string{"A table", "A index one"}, []string{"A table", "A index two"}, map[string]int{"A": 2}},
		"one less, one more":   {[]string{"A table", "A index one", "B table"}, []string{"A table", "B table", "B index one"}, map[string]int{"A": 1, "B": 1}},
		"a new table":          {[]string{"A table"}, []string{"A table", "B table", "B index one", "B index two"}, map[string]int{}},
		"a table that is gone": {[]string{"A table", "A index one", "A index two"}, nil, map[string]int{}},
	} {
		if got := indexChanges(c.released, c.now); !maps.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// tableIndexes returns a line for each table and one for each of its indexes with its keys and projection.
func tableIndexes(template tree) (lines []string) {
	for id, table := range template.ofType("AWS::DynamoDB::Table") {
		lines = append(lines, id+" table")
		for _, index := range table.trees("GlobalSecondaryIndexes") {
			line := id + " index " + index.text("IndexName")
			for _, key := range index.trees("KeySchema") {
				line += " " + key.text("AttributeName") + ":" + key.text("KeyType")
			}
			lines = append(lines, line+" "+index.at("Projection").text("ProjectionType"))
		}
	}
	return lines
}

// indexChanges counts, for each table that both lists have, the indexes that only one of them has.
func indexChanges(released, now []string) map[string]int {
	changes := map[string]int{}
	for _, lists := range [][2][]string{{released, now}, {now, released}} {
		for _, line := range lists[0] {
			table, _, _ := strings.Cut(line, " ")
			if !slices.Contains(lists[1], line) && slices.Contains(lists[1], table+" table") && slices.Contains(lists[0], table+" table") {
				changes[table]++
			}
		}
	}
	return changes
}
