package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The Makefile's own checks, with fakes for the programs that it calls.
func TestMakefile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	const sam = `echo "sam $*"`
	built := filepath.Join(t.TempDir(), "template.yaml") // what sam build writes
	if err := os.WriteFile(built, []byte("Resources: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		fakes map[string]string // shell scripts
		args  []string
		want  string // in the output
		never string // in the output
		fails bool
	}{
		{"deploy to the default stage", map[string]string{"sam": sam}, []string{"deploy", "BUILT=" + built}, "sam build\nsam deploy \nsam deploy\n", "", false},
		{"deploy to a stage of samconfig.toml", map[string]string{"sam": sam}, []string{"deploy", "STAGE=staging", "BUILT=" + built}, "sam deploy --config-env staging", "", false},
		{"deploy to prod without a topic for alarms", map[string]string{"sam": sam}, []string{"deploy", "STAGE=prod"}, "has no AlarmTopicArn in [prod.deploy.parameters]", "sam build", true},
		{"deploy to prod without notifications", map[string]string{"sam": sam}, []string{"deploy", "STAGE=prod", "NO_ALARM_TOPIC=1", "BUILT=" + built}, "sam deploy --config-env prod", "", false},
		{"deploy STAGE=dev", map[string]string{"sam": sam}, []string{"deploy", "STAGE=dev"}, "STAGE=staging or STAGE=prod", "sam build", true},
		{"deploy to an unknown stage", map[string]string{"sam": sam}, []string{"deploy", "STAGE=production"}, `no stage "production"`, "sam build", true},
		{"build for an unknown stage", map[string]string{"sam": sam}, []string{"build", "STAGE=default"}, `no stage "default"`, "sam build", true},
		{"old go", map[string]string{"go": "echo go version go1.22.1 linux/amd64"}, []string{"key"}, "or later is needed, and 1.22.1 was found. Install it from https://go.dev/dl/", "", true},
		{"newer go", map[string]string{"go": "echo go version go1.100 linux/amd64"}, []string{"go-version"}, "", "needed", false},
		{"no go", map[string]string{"go": "exit 127"}, []string{"unit"}, "or later is needed, and none was found", "", true},
		{"old node", map[string]string{"node": "echo v18.20.4"}, []string{"clients"}, "Node 20 or later is needed, and 18.20.4 was found", "", true},
		{"no node", map[string]string{"node": "exit 127"}, []string{"clients"}, "Node 20 or later is needed, and none was found", "", true},
		{"newer node", map[string]string{"node": "echo v100.0.0"}, []string{"node-version"}, "", "needed", false},
		{"folder that is not writable", nil, []string{"key", "AURORA_DATA=" + filepath.Join(file, "data")}, "Choose another with AURORA_DATA", "", true},
		{"git that calls the checkout dubious", map[string]string{"git": "exit 128"}, []string{"key", "GOFLAGS=-buildvcs=true", "AURORA_DATA=" + t.TempDir()}, "key     aur_api_", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := t.TempDir()
			for name, script := range c.fakes {
				if err := os.WriteFile(filepath.Join(folder, name), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			command := exec.CommandContext(t.Context(), "make", c.args...)
			command.Dir = filepath.Join("..", "..", "..")
			command.Env = append(os.Environ(), "PATH="+folder+string(filepath.ListSeparator)+os.Getenv("PATH"), "LC_ALL=C", "MAKEFLAGS=", "STAGE=")
			out, err := command.CombinedOutput()
			if failed := err != nil; failed != c.fails {
				t.Errorf("make %s: %v, want a failure: %v", c.args, err, c.fails)
			}
			if !strings.Contains(string(out), c.want) {
				t.Errorf("make %s says\n%s\nwant it to contain %q", c.args, out, c.want)
			}
			if c.never != "" && strings.Contains(string(out), c.never) {
				t.Errorf("make %s says\n%s\nwant it not to contain %q", c.args, out, c.never)
			}
		})
	}
}

// A stage of production needs a topic for its alarms, in every form in which SAM takes parameters.
func TestAlarmTopic(t *testing.T) {
	makefile, err := filepath.Abs(filepath.Join("..", "..", "..", "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, stage, parameters string
		fails                   bool
	}{
		{"in one text", "prod", `parameter_overrides = "Stage=prod AlarmTopicArn=arn:aws:sns:us-west-2:123456789012:alarms"`, false},
		{"in quotes", "prod", `parameter_overrides = "Stage=prod AlarmTopicArn=\"arn:aws:sns:us-west-2:123456789012:alarms\""`, false},
		{"in a list", "prod", "parameter_overrides = [\n  \"Stage=prod\",\n  \"AlarmTopicArn=arn:aws:sns:us-west-2:123456789012:alarms\",\n]", false},
		{"in the long form", "prod", `parameter_overrides = "ParameterKey=Stage,ParameterValue=prod ParameterKey=AlarmTopicArn,ParameterValue=arn:aws:sns:us-west-2:123456789012:alarms"`, false},
		{"missing", "prod", `parameter_overrides = "Stage=prod"`, true},
		{"empty", "prod", `parameter_overrides = "Stage=prod AlarmTopicArn="`, true},
		{"in a comment", "prod", "# AlarmTopicArn=arn:aws:sns:us-west-2:123456789012:alarms\nparameter_overrides = \"Stage=prod\" # AlarmTopicArn=arn:aws", true},
		{"production in another region", "prod-eu", `parameter_overrides = "Stage=prod-eu"`, true},
		{"production by its parameter", "live", `parameter_overrides = "LogLevel=info Stage=prod"`, true},
		{"not production", "staging", `parameter_overrides = "Stage=staging"`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := t.TempDir()
			config := "[" + c.stage + ".deploy.parameters]\n" + c.parameters + "\n\n[other.deploy.parameters]\nparameter_overrides = \"AlarmTopicArn=arn:aws:sns:us-west-2:123456789012:alarms\"\n"
			if err := os.WriteFile(filepath.Join(folder, "samconfig.toml"), []byte(config), 0o600); err != nil {
				t.Fatal(err)
			}
			command := exec.CommandContext(t.Context(), "make", "-f", makefile, "alarm-topic", "STAGE="+c.stage)
			command.Dir = folder
			command.Env = append(os.Environ(), "LC_ALL=C", "MAKEFLAGS=", "NO_ALARM_TOPIC=")
			out, err := command.CombinedOutput()
			if failed := err != nil; failed != c.fails || failed != strings.Contains(string(out), "NO_ALARM_TOPIC=1") {
				t.Errorf("make alarm-topic: %v, want a failure: %v\n%s", err, c.fails, out)
			}
		})
	}
}
