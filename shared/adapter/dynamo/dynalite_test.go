package dynamo_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"example.com/aurora/shared/dev/dynalite"
)

// faultyTransport stands between the SDK and DynamoDB and spoils calls by rule. It knows the operation from the X-Amz-Target
// header.
type faultyTransport struct {
	mu    sync.Mutex
	calls []string
	// rule answers instead of DynamoDB, where it returns a response or an error. after means that DynamoDB did what was
	// asked, and only the reply is spoiled.
	rule func(operation string, n int) (spoil func(*http.Request) (*http.Response, error), after bool)
}

func (f *faultyTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	f.mu.Lock()
	f.calls = append(f.calls, operation)
	n, rule := len(f.calls), f.rule
	f.mu.Unlock()
	if rule != nil {
		if spoil, after := rule(operation, n); spoil != nil {
			if after {
				response, err := http.DefaultTransport.RoundTrip(r)
				if err != nil {
					return nil, err
				}
				_ = response.Body.Close()
			}
			return spoil(r)
		}
	}
	return http.DefaultTransport.RoundTrip(r)
}

func (f *faultyTransport) setRule(rule func(string, int) (func(*http.Request) (*http.Response, error), bool)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rule, f.calls = rule, nil
}

func (f *faultyTransport) callCount() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.calls)
}

// writeCount is how many calls were none that reads; the one that is judged is among them.
func (f *faultyTransport) writeCount() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, operation := range f.calls {
		if operation != "GetItem" {
			n++
		}
	}
	return n
}

// errorReply is an error as DynamoDB words it.
func errorReply(status int, kind string) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		body := fmt.Sprintf(`{"__type":"com.amazonaws.dynamodb.v20120810#%s","message":"%s"}`, kind, kind)
		return &http.Response{StatusCode: status, Status: http.StatusText(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
			Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}}, Body: io.NopCloser(strings.NewReader(body))}, nil
	}
}

// dropReply is a connection that ends before the reply.
func dropReply(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }

// newTables starts DynamoDB's double with the project's three tables, and ends it with the test.
func newTables(t *testing.T) (func() (aws.Config, error), *faultyTransport) {
	t.Helper()
	f := &faultyTransport{}
	cfg := aws.Config{Region: "us-east-1", BaseEndpoint: aws.String(dynalite.Serve(t)),
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""), HTTPClient: &http.Client{Transport: f}}
	createTables(t, cfg)
	return func() (aws.Config, error) { return cfg, nil }, f
}

func createTables(t *testing.T, cfg aws.Config) {
	t.Helper()
	client := dynamodb.NewFromConfig(cfg)
	table := func(name string, keys []string, indexes ...string) {
		in := &dynamodb.CreateTableInput{TableName: &name, BillingMode: types.BillingModePayPerRequest}
		kinds := []types.KeyType{types.KeyTypeHash, types.KeyTypeRange}
		for i, key := range keys {
			in.KeySchema = append(in.KeySchema, types.KeySchemaElement{AttributeName: &key, KeyType: kinds[i]})
		}
		for _, index := range indexes {
			name, order, ordered := strings.Cut(index, ">") // hash, or hash>range
			schema := []types.KeySchemaElement{{AttributeName: &name, KeyType: types.KeyTypeHash}}
			keys = append(keys, name)
			if ordered {
				schema = append(schema, types.KeySchemaElement{AttributeName: &order, KeyType: types.KeyTypeRange})
				keys = append(keys, order)
			}
			in.GlobalSecondaryIndexes = append(in.GlobalSecondaryIndexes, types.GlobalSecondaryIndex{IndexName: &name, KeySchema: schema,
				Projection: &types.Projection{ProjectionType: types.ProjectionTypeAll}})
		}
		for _, attribute := range keys {
			in.AttributeDefinitions = append(in.AttributeDefinitions, types.AttributeDefinition{AttributeName: &attribute, AttributeType: types.ScalarAttributeTypeS})
		}
		if _, err := client.CreateTable(t.Context(), in); err != nil {
			t.Fatal(err)
		}
		active := dynamodb.NewTableExistsWaiter(client, func(o *dynamodb.TableExistsWaiterOptions) { o.MinDelay = 10 * time.Millisecond })
		if err := active.Wait(t.Context(), &dynamodb.DescribeTableInput{TableName: &name}, 10*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	table("assistants", []string{"assistantId"}, "numberE164", "internalKey", "scheduledKey")
	table("calls", []string{"assistantDay", "callId"}, "callerKey>at")
	table("ledger", []string{"key"})
}
