package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"example.com/aurora/shared/dev/emulator"
)

// dialTimeout bounds connecting to the local stack, which is on this machine.
const dialTimeout = 2 * time.Second

// stack is the stack that a command works on, local or deployed.
type stack struct {
	stage     string
	local     *emulator.Info    // nil for a deployed stack
	tables    map[string]string // the tables that have another name than the stage gives them
	configure func() (aws.Config, error)
}

// dataFolder returns the folder that holds all data of the local stack.
func (p *program) dataFolder() string {
	if d := p.env("AURORA_DATA"); d != "" {
		return d
	}
	return ".aurora"
}

// stack returns the deployed stack of a stage, or the running local stack if stage is empty.
func (p *program) stack(ctx context.Context, stage string) (*stack, error) {
	if stage != "" {
		tables := map[string]string{"assistants": p.env("ASSISTANTS_TABLE"), "calls": p.env("CALLS_TABLE"), "ledger": p.env("LEDGER_TABLE"),
			"traces": p.env("TRACES_TABLE"), "history": p.env("HISTORY_TABLE")}
		return &stack{stage: stage, tables: tables, configure: func() (aws.Config, error) { return config.LoadDefaultConfig(ctx) }}, nil
	}
	path := filepath.Join(p.dataFolder(), "run.json")
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("no stack is running here: start one with `make run` (looked for %s)", path)
	}
	if err != nil {
		return nil, err
	}
	var info emulator.Info
	if err := json.Unmarshal(b, &info); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if !info.Ready {
		return nil, errors.New("the local stack is not ready yet; `make run` says when it is")
	}
	if err := checkReachable(ctx, info.API); err != nil {
		return nil, fmt.Errorf("no stack is running here, although %s names one: start one with `make run` (%w)", path, err)
	}
	return localStack(info), nil
}

// checkReachable connects to an address. After a stack was killed, its run.json still names addresses where nothing listens.
func checkReachable(ctx context.Context, address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	conn, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return err
	}
	return conn.Close()
}

// localStack returns the local stack that run.json describes.
func localStack(info emulator.Info) *stack {
	return &stack{stage: info.Stage, local: &info, tables: info.Tables, configure: func() (aws.Config, error) {
		// With checksums, as config.LoadDefaultConfig sets it: the fake of S3 keeps the checksum of the object that is replaced.
		return aws.Config{Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
			RequestChecksumCalculation: aws.RequestChecksumCalculationWhenSupported, ResponseChecksumValidation: aws.ResponseChecksumValidationWhenSupported}, nil
	}}
}

// awsConfig returns the function that configures a client for a service; run.json has the address of each.
func (s *stack) awsConfig(service string) func() (aws.Config, error) {
	return func() (aws.Config, error) {
		cfg, err := s.configure()
		if err != nil || s.local == nil {
			return cfg, err
		}
		cfg.BaseEndpoint = aws.String(s.local.Endpoints[service])
		return cfg, nil
	}
}

// secretName returns the full name of one of the stack's secrets.
func (s *stack) secretName(name string) string { return "aurora/" + s.stage + "/" + name }

// tableName returns the full name of one of the tables: assistants, calls, ledger, traces or history.
func (s *stack) tableName(name string) string {
	if other := s.tables[name]; other != "" {
		return other
	}
	return "aurora-" + s.stage + "-" + name
}
