package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"example.com/aurora/shared/dev/emulator"
)

const (
	prompt   = "You are Aurora, a helpful assistant on the phone. Answer in one or two short sentences."
	question = "When are you open?"
	chatPath = "/api/v1/openai/chat/completions"
)

// measureTurns measures a chat turn by every way.
func (b *bench) measureTurns(ctx context.Context) error {
	info := b.stack.Info()
	key := info.Keys["BINARYTINT_API_KEY"]
	program, _, _ := b.stack.Program("chat-completions")
	ours := func() []int { return processesOf(program) }
	body := []byte(fmt.Sprintf(`{"model":"gpt-4o","stream":true,"messages":[{"role":"system","content":%q},{"role":"user","content":%q}]}`, prompt, question))
	asked := []byte(fmt.Sprintf(`{"messages":[{"role":"user","content":%q}]}`, question))
	atURL := way{name: wayURL, url: info.FunctionURLs["ChatCompletionsFunction"] + chatPath, key: key, body: body, pids: ours}
	ways := []way{
		{name: wayDirect, url: b.external.model + "/chat/completions", body: body}, atURL,
		{name: wayREST, url: info.API + chatPath, key: key, body: body, pids: ours},
	}
	rival, stop, err := b.startRival(ctx)
	if err != nil {
		b.noteMissing("%s was not measured: %v", wayRival, err)
	} else {
		defer stop()
		ways = append(ways, way{name: wayRival, url: rival.url, body: asked, pids: func() []int { return []int{rival.pid} }})
	}
	if b.results.Turns, err = measureWays(ctx, ways, b.size.alone, b.size.rounds); err != nil {
		return err
	}
	first, err := firstCPU(ctx, atURL, b.size.alone/2+1)
	if err != nil {
		return err
	}
	for i := range b.results.Turns {
		if b.results.Turns[i].Way == wayURL {
			b.results.Turns[i].CPUFirst = first
		}
	}
	// Sequential requests are answered by the same process, at the function URL and behind REST.
	b.results.ChatResidentKB, b.results.ChatTurns = largest(ours(), residentKB), 2*b.size.alone
	return nil
}

// The ways to have a turn.
const (
	wayDirect = "direct"
	wayURL    = "function URL"
	wayREST   = "REST"
	wayRival  = "@openai/agents"
)

type rivalServer struct {
	url string
	pid int
}

// startRival starts the alternative, @openai/agents on Node.
func (b *bench) startRival(ctx context.Context) (r rivalServer, stop func(), err error) {
	folder := filepath.Join(b.Root, "shared", "dev", "compat")
	if _, err := os.Stat(filepath.Join(folder, "node_modules", "@openai", "agents")); err != nil {
		return r, nil, errors.New("it is not installed; run `make clients`")
	}
	command := exec.CommandContext(ctx, "node", "rival.mjs")
	command.Dir = folder
	command.Env = append(b.stackEnviron(), "NODE_ENV=production", "RIVAL_MODEL_URL="+b.external.model, "RIVAL_PROMPT="+prompt)
	command.Stderr = b.Out
	out, err := command.StdoutPipe()
	if err != nil {
		return r, nil, err
	}
	if err := command.Start(); err != nil {
		return r, nil, err
	}
	stop = func() { _ = command.Process.Kill(); _ = command.Wait() } // it was killed
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		stop()
		return r, nil, fmt.Errorf("the rival did not start: %w", err)
	}
	return rivalServer{strings.TrimSpace(line), command.Process.Pid}, stop, nil
}

// timeMakeRun returns the seconds that `make run` takes until the stack is ready.
func (b *bench) timeMakeRun(ctx context.Context, data string) (seconds float64, err error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	program := filepath.Join(b.temp, "operate")
	began := time.Now()
	build := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", program, "./shared/dev/operator")
	build.Dir = b.Root
	if out, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build the operator program: %w\n%s", err, out)
	}
	run := exec.CommandContext(ctx, program, "run")
	run.Dir, run.Env = b.Root, append(b.stackEnviron(), "AURORA_DATA="+data, "PORT=0")
	run.Cancel = func() error { return run.Process.Signal(syscall.SIGTERM) } // its children end with it
	if err := run.Start(); err != nil {
		return 0, err
	}
	for ctx.Err() == nil {
		var info emulator.Info
		if text, err := os.ReadFile(filepath.Join(data, emulator.InfoFile)); err == nil && json.Unmarshal(text, &info) == nil && info.Ready {
			seconds = time.Since(began).Seconds()
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	err = errors.Join(run.Process.Signal(syscall.SIGTERM), run.Wait())
	if seconds == 0 && err == nil {
		err = errors.New("it was never ready")
	}
	return seconds, err
}
