package compat

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/aurora/shared/dev/testkit"
)

// stack is what the tests need of a running bundle: run.json's fields.
type stack struct {
	Ready        bool
	API          string
	FunctionURLs map[string]string
	Keys         map[string]string
	Assistants   []string
	Endpoints    map[string]string
	Mail         string

	binary, data string // the program that runs it, and where
}

const (
	startTimeout = 5 * time.Minute // the first start compiles every function
	stopTimeout  = 30 * time.Second
)

// startStack brings up the bundle as `make run` does, on free ports and with its data in a temporary folder, and stops it
// when the test ends. Nothing of it may be left then.
func startStack(t *testing.T) stack {
	t.Helper()
	if _, err := os.Stat(filepath.Join("node_modules", "dynalite")); err != nil {
		t.Fatalf("the clients are not installed (make clients): %v", err)
	}
	binary := filepath.Join(t.TempDir(), "operate")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", binary, "./shared/dev/operator")
	build.Dir = filepath.Join("..", "..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build shared/dev/operator: %v\n%s", err, out)
	}

	data := t.TempDir()
	command := exec.Command(binary, "run")
	command.Dir = filepath.Join("..", "..", "..")
	// A group of its own, so that what it leaves behind can be found.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	for _, variable := range os.Environ() {
		// With these set it would talk to real services.
		if !strings.HasPrefix(variable, "OPENAI_") && !strings.HasPrefix(variable, "TWILIO_") && !strings.HasPrefix(variable, "AWS_") {
			command.Env = append(command.Env, variable)
		}
	}
	command.Env = append(command.Env, "PORT=0", "AURORA_DATA="+data)
	log := &testkit.Buffer{}
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	stopped := false
	t.Cleanup(func() {
		if !stopped {
			stopStack(t, command.Process.Pid, ended)
		}
		if t.Failed() {
			t.Logf("the stack's log:\n%s", log)
		}
	})

	limit := time.After(startTimeout)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			stopped = true
			t.Fatalf("the stack ended before it was up: %v", err)
		case <-limit:
			t.Fatalf("the stack was not up within %v", startTimeout)
		case <-tick.C:
		}
		text, err := os.ReadFile(filepath.Join(data, "run.json"))
		if err != nil {
			continue
		}
		var s stack
		if err := json.Unmarshal(text, &s); err == nil && s.Ready {
			s.binary, s.data = binary, data
			return s
		}
	}
}

// stopStack ends the stack as `kill` does, and sees that it took everything with it.
func stopStack(t *testing.T, group int, ended <-chan error) {
	if err := syscall.Kill(group, syscall.SIGTERM); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("the stack did not end cleanly: %v", err)
		}
	case <-time.After(stopTimeout):
		t.Errorf("the stack was not down within %v of SIGTERM", stopTimeout)
	}
	if err := syscall.Kill(-group, syscall.SIGKILL); err == nil {
		t.Error("SIGTERM left processes behind")
	}
}
