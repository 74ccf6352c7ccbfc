package main

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"example.com/aurora/shared/dev/emulator"
	"example.com/aurora/shared/dev/fakeopenai"
)

// rehearsal is a stack that can be stopped and started with other parameters over the same data.
type rehearsal struct {
	testStack
	stack *emulator.Stack
}

// restart stops the stack and starts it with parameters of the template.
func (r *rehearsal) restart(t *testing.T, parameters string) {
	t.Helper()
	r.stop(t)
	var out bytes.Buffer
	s, err := emulator.Start(context.Background(), emulator.Options{Root: "../../..", Data: r.data, Concurrency: 64, Out: &out, Seed: (&program{env: func(string) string { return "" }}).seedAssistants,
		Environ: append(os.Environ(), "OPENAI_BASE_URL="+r.model.URL, "STACK_PARAMETERS="+parameters)})
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	r.stack, r.info = s, s.Info()
}

func (r *rehearsal) stop(t *testing.T) {
	t.Helper()
	if r.stack == nil {
		return
	}
	if err := r.stack.Close(); err != nil {
		t.Error(err)
	}
	r.stack = nil
}

func (r *rehearsal) run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := commandIn(t, r.data, nil, args...)
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return out
}

func (r *rehearsal) dynamo(t *testing.T) *dynamodb.Client {
	t.Helper()
	cfg, err := localStack(r.info).awsConfig("dynamodb")()
	if err != nil {
		t.Fatal(err)
	}
	return dynamodb.NewFromConfig(cfg)
}

// create makes an empty table like another one, as a restore does before it copies the items.
func (r *rehearsal) create(t *testing.T, name string, like *dynamodb.DescribeTableOutput) {
	t.Helper()
	in := &dynamodb.CreateTableInput{TableName: &name, BillingMode: "PAY_PER_REQUEST", KeySchema: like.Table.KeySchema, AttributeDefinitions: like.Table.AttributeDefinitions}
	for _, index := range like.Table.GlobalSecondaryIndexes {
		in.GlobalSecondaryIndexes = append(in.GlobalSecondaryIndexes, types.GlobalSecondaryIndex{IndexName: index.IndexName, KeySchema: index.KeySchema, Projection: index.Projection})
	}
	if _, err := r.dynamo(t).CreateTable(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	if err := dynamodb.NewTableExistsWaiter(r.dynamo(t)).Wait(t.Context(), &dynamodb.DescribeTableInput{TableName: &name}, stepTimeout); err != nil {
		t.Fatal(err)
	}
}

// drop deletes a table and returns what it was.
func (r *rehearsal) drop(t *testing.T, name string) *dynamodb.DescribeTableOutput {
	t.Helper()
	was, err := r.dynamo(t).DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &name})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.dynamo(t).DeleteTable(t.Context(), &dynamodb.DeleteTableInput{TableName: &name}); err != nil {
		t.Fatal(err)
	}
	if err := dynamodb.NewTableNotExistsWaiter(r.dynamo(t)).Wait(t.Context(), &dynamodb.DescribeTableInput{TableName: &name}, stepTimeout); err != nil {
		t.Fatal(err)
	}
	return was
}

// checkAnswers checks that calls of the harbor assistant are answered, found by its number and by its id, and that reports about
// it are made.
func (r *rehearsal) checkAnswers(t *testing.T) {
	t.Helper()
	api := r.info.Keys["BINARYTINT_API_KEY"]
	for what, request := range map[string]struct{ url, body, header, key, want string }{
		"a chat turn": {r.info.API + "/api/v1/openai/chat/completions", `{"messages":[{"role":"user","content":"hello"}],"call":{"assistantId":"harbor","caller_phone_number":"+14155550123"}}`,
			"Authorization", "Bearer " + api, "one two three"},
		"an incoming call": {r.info.API + "/api/webhook", `{"message":{"type":"assistant-request","phoneNumber":{"number":"+15551237001"},"call":{"id":"harbor-2","customer":{"number":"+14155550123"}}}}`,
			"Authorization", "Bearer " + api, "Harbor desk"},
		"a report": {r.info.API + "/api/reports/aurora-report/weekly", `{"ASSISTANT_ID":"harbor"}`, "BINARYTINT-INTERNAL-API-KEY", r.info.Keys["BINARYTINT_INTERNAL_API_KEY"], `"status":"success"`},
	} {
		resp, answer := r.post(t, request.url, request.body, request.header, request.key)
		if resp.StatusCode/100 != 2 || !strings.Contains(answer, request.want) {
			t.Errorf("%s: %s %s, want %q", what, resp.Status, answer, request.want)
		}
	}
}

// TestFault81TableLost rehearses the restores of shared/docs/operations.md on the local stack.
func TestFault81TableLost(t *testing.T) {
	r := &rehearsal{testStack: testStack{data: t.TempDir()}}
	r.model = fakeopenai.Serve(t, func(int, fakeopenai.Request) fakeopenai.Answer {
		return fakeopenai.Text("one ", "two ", "three").Usage(3, 3)
	})
	r.restart(t, "")
	t.Cleanup(func() { r.stop(t) })

	document := filepath.Join(t.TempDir(), "harbor.json")
	if err := os.WriteFile(document, []byte(`{"assistantId":"harbor","assistantName":"Harbor","assistantPrompt":"You are Harbor.","assistantFirstMessage":"Harbor desk.",
		"assistantPhoneNumber":"+15551237001","timeZone":"America/New_York","internal":true}`), 0o600); err != nil {
		t.Fatal(err)
	}
	r.run(t, "assistant", "-file", document)
	body := `{"message":{"type":"end-of-call-report","endedReason":"customer-ended-call","endedAt":"2026-11-20T10:00:00Z","call":{"id":"harbor-1","assistantId":"harbor"}}}`
	if resp, answer := r.post(t, r.info.API+"/api/webhook", body, "Authorization", "Bearer "+r.info.Keys["BINARYTINT_API_KEY"]); resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s", resp.Status, answer)
	}
	r.waitForRow(t)
	r.checkAnswers(t)
	r.run(t, "export-assistants")
	exports, err := filepath.Glob(filepath.Join(r.data, "assistants-*.json"))
	if err != nil || len(exports) != 1 {
		t.Fatalf("exports %v, %v", exports, err)
	}
	assistants, calls := r.info.Tables["assistants"], r.info.Tables["calls"]

	t.Run("81: the table of assistants is lost, and restored from an export", func(t *testing.T) {
		was := r.drop(t, assistants)
		turn := `{"messages":[{"role":"user","content":"hello"}],"call":{"assistantId":"harbor-unknown"}}`
		if resp, answer := r.post(t, r.info.API+"/api/v1/openai/chat/completions", turn, "Authorization", "Bearer "+r.info.Keys["BINARYTINT_API_KEY"]); resp.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("without the table: %s %s, want 503", resp.Status, answer)
		}
		r.create(t, assistants, was)
		r.restart(t, "") // new processes: nothing is cached
		if out := r.run(t, "import-assistants", "-file", exports[0]); !strings.Contains(out, "1 assistants are stored") {
			t.Errorf("the demo assistants are there already, and Harbor is stored; the command says\n%s", out)
		}
		r.checkAnswers(t)
		if out := r.run(t, "import-assistants", "-file", exports[0]); !strings.Contains(out, "0 assistants are stored") {
			t.Errorf("a second import says\n%s", out)
		}
	})
	t.Run("81: the tables are restored under another name", func(t *testing.T) {
		was, of := r.drop(t, assistants), r.drop(t, calls)
		r.create(t, assistants+"-2", was)
		r.create(t, calls+"-2", of)
		r.restart(t, "AssistantsTableName="+assistants+"-2 CallsTableName="+calls+"-2")
		if r.info.Tables["assistants"] != assistants+"-2" || r.info.Tables["calls"] != calls+"-2" {
			t.Fatalf("the stack uses %v", r.info.Tables)
		}
		r.run(t, "import-assistants", "-file", exports[0])
		r.checkAnswers(t)
		r.run(t, "reindex")
		r.waitForRow(t)
		tables, err := r.dynamo(t).ListTables(t.Context(), &dynamodb.ListTablesInput{})
		if err != nil || len(tables.TableNames) != 5 {
			t.Errorf("tables %v, %v; want no table under an old name", tables.TableNames, err)
		}
	})
}

// waitForRow waits until the table of calls has the row of the call harbor-1.
func (r *rehearsal) waitForRow(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(stepTimeout); r.rows(t, "harbor-1") != 1; {
		if time.Now().After(deadline) {
			t.Fatalf("the row of the call is not in %s", r.info.Tables["calls"])
		}
		<-time.After(100 * time.Millisecond)
	}
}
