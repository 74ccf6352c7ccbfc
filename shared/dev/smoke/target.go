package smoke

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/dev/emulator"
)

const (
	// Number is the number that is not called, unless another one is given.
	Number = "+14155550142"
	// A function reads a key secret once a minute.
	keyDelay = 61 * time.Second
	// In AWS a worker starts within seconds; behind the messages of others a message may wait longer.
	deployedWait, localWait = 90 * time.Second, 30 * time.Second
)

// Deployed returns the target for a deployed stage, from the outputs and the parameters of its stack.
func Deployed(ctx context.Context, stage string, config func(service string) func() (aws.Config, error), keyring Keyring) (t Target, err error) {
	given, err := config("cloudformation")()
	if err != nil {
		return t, err
	}
	name := "aurora-" + stage
	found, err := cloudformation.NewFromConfig(given).DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &name})
	if err == nil && len(found.Stacks) == 0 {
		err = errors.New("there is none")
	}
	if err != nil {
		return t, fmt.Errorf("read the outputs of the stack %s: %w", name, err)
	}
	outputs, parameters := map[string]string{}, map[string]string{}
	for _, o := range found.Stacks[0].Outputs {
		outputs[aws.ToString(o.OutputKey)] = aws.ToString(o.OutputValue)
	}
	for _, p := range found.Stacks[0].Parameters {
		parameters[aws.ToString(p.ParameterKey)] = aws.ToString(p.ParameterValue)
	}
	t = newTarget(stage, config, keyring)
	t.API, t.Bucket = strings.TrimSuffix(outputs["ApiUrl"], "/"), outputs["Bucket"]
	t.PublicURL, t.VoiceStreamURL, t.VoiceMode = parameters["PublicUrl"], parameters["VoiceStreamUrl"], parameters["VoiceMode"]
	t.WebSocket, t.VoiceRelayURL = outputs["RelayApiAddress"], cmp.Or(parameters["VoiceRelayUrl"], outputs["RelayApiAddress"])
	for output, value := range outputs {
		for suffix, values := range map[string]map[string]string{"Url": t.FunctionURLs, "Table": t.Tables, "Queue": t.Queues} {
			if logical, ok := strings.CutSuffix(output, suffix); ok {
				values[folderName(logical)] = value
			}
		}
	}
	t.KeyDelay, t.IndexWait, t.ReportWait = keyDelay, deployedWait, deployedWait
	return t, nil
}

// Local returns the target for the stack of `make run` with this data folder. It uses that stack's own keys, except for calls.
func Local(data string, info emulator.Info, stage string, config func(service string) func() (aws.Config, error), keyring Keyring) (Target, error) {
	t := newTarget(stage, config, keyring)
	for name, setting := range map[string]*string{"PUBLIC_URL": &t.PublicURL, "VOICE_STREAM_URL": &t.VoiceStreamURL, "VOICE_MODE": &t.VoiceMode,
		"VOICE_RELAY_URL": &t.VoiceRelayURL} {
		var err error
		if *setting, err = emulator.FunctionVariable(data, name); err != nil {
			return t, err
		}
	}
	t.WebSocket = info.WebSocket
	t.API, t.Tables, t.Bucket, t.Queues, t.TwilioURL = info.API, info.Tables, info.Bucket, info.Queues, info.Endpoints["twilio"]
	for function, address := range info.FunctionURLs {
		t.FunctionURLs[folderName(strings.TrimSuffix(function, "Function"))] = address
	}
	for kind, name := range map[auth.KeyKind]string{auth.KindAPI: "BINARYTINT_API_KEY", auth.KindInternal: "BINARYTINT_INTERNAL_API_KEY"} {
		if key := info.Keys[name]; key != "" {
			t.Keys[kind] = key
		}
	}
	began := time.Now()
	t.LastError = func(function string) string { return lastError(filepath.Join(data, "logs", function+".log"), began) }
	t.IndexWait, t.ReportWait = localWait, localWait
	return t, nil
}

func newTarget(stage string, config func(service string) func() (aws.Config, error), keyring Keyring) Target {
	return Target{Stage: stage, Config: config, Keyring: keyring, Number: Number, Tables: map[string]string{}, Queues: map[string]string{}, FunctionURLs: map[string]string{},
		Keys: map[auth.KeyKind]string{}}
}

// folderName returns the folder of a function by its name in the template: chat-completions for ChatCompletions.
func folderName(logical string) string {
	var b strings.Builder
	for i, c := range logical {
		if c >= 'A' && c <= 'Z' {
			if i > 0 {
				b.WriteByte('-')
			}
			c += 'a' - 'A'
		}
		b.WriteRune(c)
	}
	return b.String()
}

// maxLogTail is how much of a log is searched for the last error.
const maxLogTail = 256 << 10

// lastError returns the last warning or error that a function has logged since a time, "" if there is none.
func lastError(path string, since time.Time) string {
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer func() { _ = file.Close() }()
	if info, err := file.Stat(); err == nil && info.Size() > maxLogTail {
		_, _ = file.Seek(-maxLogTail, io.SeekEnd) // without it the whole file is read
	}
	text, err := io.ReadAll(file)
	if err != nil {
		return ""
	}
	for _, line := range slices.Backward(bytes.Split(text, []byte("\n"))) {
		var entry struct {
			Time              time.Time
			Level, Msg, Event string
			Error             any
		}
		if json.Unmarshal(line, &entry) != nil || entry.Level != "ERROR" && entry.Level != "WARN" {
			continue
		}
		if entry.Time.Before(since) {
			return ""
		}
		return fmt.Sprintf("%s: %v (event %s)", entry.Msg, entry.Error, entry.Event)
	}
	return ""
}
