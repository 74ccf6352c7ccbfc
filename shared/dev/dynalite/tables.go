package dynalite

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"go.yaml.in/yaml/v3"

	"example.com/aurora/shared/dev/testkit"
)

// Tables starts a DynamoDB that holds the tables of template.yaml, empty, with their keys and indexes. A table is named
// by its logical id: CallsTable is "calls". The returned configuration sends requests through transport.
func Tables(t testing.TB, transport http.RoundTripper) func() (aws.Config, error) {
	t.Helper()
	address := Serve(t)
	cfg, _ := testkit.AWSConfig(address, nil)()
	client := dynamodb.NewFromConfig(cfg)
	for name, table := range tableDefinitions(t) {
		table.TableName, table.BillingMode = &name, types.BillingModePayPerRequest
		if _, err := client.CreateTable(t.Context(), table); err != nil {
			t.Fatalf("create table %s: %v", name, err)
		}
		active := dynamodb.NewTableExistsWaiter(client, func(o *dynamodb.TableExistsWaiterOptions) { o.MinDelay = 10 * time.Millisecond })
		if err := active.Wait(t.Context(), &dynamodb.DescribeTableInput{TableName: &name}, 10*time.Second); err != nil {
			t.Fatalf("wait for table %s: %v", name, err)
		}
	}
	return testkit.AWSConfig(address, transport)
}

// tableDefinitions reads the keys and indexes of the tables in template.yaml.
func tableDefinitions(t testing.TB) map[string]*dynamodb.CreateTableInput {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(projectRoot(t), "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var template struct {
		Resources map[string]struct {
			Type       string    `yaml:"Type"`
			Properties yaml.Node `yaml:"Properties"`
		} `yaml:"Resources"`
	}
	if err := yaml.Unmarshal(text, &template); err != nil {
		t.Fatalf("read template.yaml: %v", err)
	}
	tables := map[string]*dynamodb.CreateTableInput{}
	for id, resource := range template.Resources {
		if resource.Type != "AWS::DynamoDB::Table" {
			continue
		}
		// CloudFormation's properties have the names and the shape of the API's parameters.
		var schema struct {
			AttributeDefinitions   any `yaml:"AttributeDefinitions"`
			KeySchema              any `yaml:"KeySchema"`
			GlobalSecondaryIndexes any `yaml:"GlobalSecondaryIndexes"`
		}
		if err := resource.Properties.Decode(&schema); err != nil {
			t.Fatalf("read %s of template.yaml: %v", id, err)
		}
		var table dynamodb.CreateTableInput
		asJSON, err := json.Marshal(schema)
		if err == nil {
			err = json.Unmarshal(asJSON, &table)
		}
		if err != nil {
			t.Fatalf("read %s of template.yaml: %v", id, err)
		}
		tables[strings.ToLower(strings.TrimSuffix(id, "Table"))] = &table
	}
	if len(tables) == 0 {
		t.Fatal("template.yaml has no tables")
	}
	return tables
}
