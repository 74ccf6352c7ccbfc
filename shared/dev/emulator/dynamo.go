package emulator

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

//go:embed dynalite.cjs
var dynalite string

// startDynalite starts dynalite and returns its address. The process ends when the returned closer closes its standard
// input, and so also when this process dies.
func startDynalite(ctx context.Context, l *launcher, clients, data string, environment []string, log *logFile) (*child, io.Closer, string, error) {
	node, err := exec.LookPath("node")
	if err != nil {
		return nil, nil, "", errors.New("node is not installed or not on the PATH: dynalite, the local DynamoDB, needs Node 20 or later (https://nodejs.org/)")
	}
	if err := checkNodeVersion(ctx, node); err != nil {
		return nil, nil, "", err
	}
	modules := filepath.Join(clients, "node_modules")
	if _, err := os.Stat(filepath.Join(modules, "dynalite")); err != nil {
		log.println("installing dynalite with npm ci (first run only) …")
		if err := installClients(ctx, clients); err != nil {
			return nil, nil, "", err
		}
	}
	if modules, err = filepath.Abs(modules); err != nil {
		return nil, nil, "", err
	}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, nil, "", fmt.Errorf("start dynalite: %w", err)
	}
	defer func() { _ = read.Close() }()
	port := &portWriter{out: log, port: make(chan int, 1)}
	c, err := l.start(node, []string{"-e", dynalite, "--", modules, data}, environment, "", port, read)
	if err != nil {
		_ = write.Close()
		return nil, nil, "", err
	}
	select {
	case p := <-port.port:
		return c, write, fmt.Sprintf("http://127.0.0.1:%d", p), nil
	case <-c.exited:
		err = fmt.Errorf("dynalite ended before it was ready (%s); read %s", c.exitReason(), log.path)
	case <-ctx.Done():
		err = ctx.Err()
	}
	_ = write.Close()
	c.stop()
	return nil, nil, "", err
}

// oldestNode is the first major version of Node that dynalite and the clients of shared/dev/compat are tested with.
const oldestNode = 20

func checkNodeVersion(ctx context.Context, node string) error {
	out, err := exec.CommandContext(ctx, node, "--version").Output()
	if err != nil {
		return fmt.Errorf("ask %s for its version: %w", node, err)
	}
	version := strings.TrimSpace(string(out)) // v20.20.2
	major, _, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	if n, err := strconv.Atoi(major); err != nil || n < oldestNode {
		return fmt.Errorf("node %s (%s) is too old: dynalite, the local DynamoDB, needs Node %d or later (https://nodejs.org/)", version, node, oldestNode)
	}
	return nil
}

func installClients(ctx context.Context, clients string) error {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return errors.New("npm is not installed or not on the PATH: it comes with Node, and the first run installs dynalite with it")
	}
	cmd := exec.CommandContext(ctx, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	cmd.Dir, cmd.WaitDelay, cmd.SysProcAttr = clients, stopGrace, childAttributes()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci in %s: %w (the first run needs the network and write access to that folder)\n%s", clients, err, out)
	}
	return nil
}

// portWriter passes on dynalite's output and reads the port from its first line.
type portWriter struct {
	out      io.Writer
	port     chan int
	mu       sync.Mutex
	line     []byte
	reported bool
}

func (w *portWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.reported {
		w.line = append(w.line, p...)
		for {
			line, rest, found := bytes.Cut(w.line, []byte("\n"))
			if !found {
				break
			}
			w.line = rest
			var said struct{ Port int }
			if json.Unmarshal(line, &said) == nil && said.Port > 0 {
				w.port <- said.Port
				w.reported = true
				break
			}
		}
	}
	return w.out.Write(p)
}

// createTables creates the template's tables that do not exist yet. A table with another number of indexes is left as it
// is, with a warning through tell: adding an index would mean moving its data.
func createTables(ctx context.Context, client *dynamodb.Client, t *template, tables []*resource, tell func(string, ...any)) error {
	for _, r := range tables {
		want, err := tableInput(t, r)
		if err != nil {
			return err
		}
		have, err := client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: want.TableName})
		var missing *types.ResourceNotFoundException
		switch {
		case errors.As(err, &missing):
			if _, err := client.CreateTable(ctx, want); err != nil {
				return fmt.Errorf("create table %s: %w", *want.TableName, err)
			}
			if err := waitUntilActive(ctx, client, *want.TableName); err != nil {
				return err
			}
		case err != nil:
			return fmt.Errorf("describe table %s: %w", *want.TableName, err)
		case len(have.Table.GlobalSecondaryIndexes) != len(want.GlobalSecondaryIndexes):
			tell("table %s has other indexes than the template: remove the data folder to start with empty tables", *want.TableName)
		}
	}
	return nil
}

// waitUntilActive waits until a new table can be used. dynalite's is active at once, a real DynamoDB's after seconds.
func waitUntilActive(ctx context.Context, client *dynamodb.Client, name string) error {
	for {
		out, err := client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: aws.String(name)})
		if err != nil {
			return fmt.Errorf("wait for table %s: %w", name, err)
		}
		if out.Table.TableStatus == types.TableStatusActive {
			return nil
		}
		if !sleepContext(ctx, stopGrace/20) {
			return ctx.Err()
		}
	}
}

func tableInput(t *template, r *resource) (*dynamodb.CreateTableInput, error) {
	p := toMap(t.resolve(r.properties))
	in := &dynamodb.CreateTableInput{TableName: aws.String(t.physicalName(r)), BillingMode: types.BillingModePayPerRequest, KeySchema: keySchema(p["KeySchema"])}
	for _, v := range toList(p["AttributeDefinitions"]) {
		m := toMap(v)
		in.AttributeDefinitions = append(in.AttributeDefinitions, types.AttributeDefinition{
			AttributeName: aws.String(toString(m["AttributeName"])), AttributeType: types.ScalarAttributeType(toString(m["AttributeType"]))})
	}
	for _, v := range toList(p["GlobalSecondaryIndexes"]) {
		m := toMap(v)
		projection := toMap(m["Projection"])
		index := types.GlobalSecondaryIndex{IndexName: aws.String(toString(m["IndexName"])), KeySchema: keySchema(m["KeySchema"]),
			Projection: &types.Projection{ProjectionType: types.ProjectionType(toString(projection["ProjectionType"])), NonKeyAttributes: toStrings(projection["NonKeyAttributes"])}}
		in.GlobalSecondaryIndexes = append(in.GlobalSecondaryIndexes, index)
	}
	if len(in.KeySchema) == 0 {
		return nil, fmt.Errorf("table %s has no KeySchema", r.logical)
	}
	return in, nil
}

func keySchema(v any) []types.KeySchemaElement {
	var schema []types.KeySchemaElement
	for _, e := range toList(v) {
		m := toMap(e)
		schema = append(schema, types.KeySchemaElement{AttributeName: aws.String(toString(m["AttributeName"])), KeyType: types.KeyType(toString(m["KeyType"]))})
	}
	return schema
}

// assistantIDs returns the ids in the assistants table.
func assistantIDs(ctx context.Context, client *dynamodb.Client, table string) ([]string, error) {
	var ids []string
	pages := dynamodb.NewScanPaginator(client, &dynamodb.ScanInput{TableName: aws.String(table), ProjectionExpression: aws.String("assistantId")})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the assistants: %w", err)
		}
		for _, item := range page.Items {
			if id, ok := item["assistantId"].(*types.AttributeValueMemberS); ok {
				ids = append(ids, id.Value)
			}
		}
	}
	return ids, nil
}
