package emulator

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/aurora/shared/dev/testkit"
)

// runChildStack runs a stack. TestMain calls it when a test has started this test program as a child.
func runChildStack(data string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := Run(ctx, Options{Root: "testdata", Data: data, Bin: os.Getenv("AURORA_LOCAL_TEST_BIN"), Environ: os.Environ(), Out: os.Stdout,
		clientsFolder: filepath.Join("..", "compat"), stopTimeout: time.Second})
	if err != nil {
		fmt.Println("failed:", err)
		return 1
	}
	return 0
}

// TestStopLeavesNoProcess ends the process of a stack with each signal, while a function runs.
func TestStopLeavesNoProcess(t *testing.T) {
	for _, end := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGKILL} {
		t.Run(end.String(), func(t *testing.T) {
			if end == syscall.SIGKILL && runtime.GOOS != "linux" {
				testkit.SkipCheck(t, "only Linux ends a child when its parent is killed: not checked on this system")
			}
			data := t.TempDir()
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), "AURORA_LOCAL_TEST_DATA="+data, "AURORA_LOCAL_TEST_BIN="+builtPrograms)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = cmd.Process.Kill() }()
			lines := bufio.NewScanner(out)
			for lines.Scan() && !strings.Contains(lines.Text(), "Ctrl-C") {
			}
			text, err := os.ReadFile(filepath.Join(data, InfoFile))
			if err != nil {
				t.Fatal(err)
			}
			info := string(text)
			api, dynamo := jsonAt(t, info, "api").(string), jsonAt(t, info, "endpoints", "dynamodb").(string)
			_, answer := sendRequest(t, "GET", api+"/open?do="+newOpenGate(t), "")
			var pid int
			if _, err := fmt.Sscanf(answer, "%d ", &pid); err != nil {
				t.Fatalf("the function answered %q, %v; want its process id", answer, err)
			}
			g := newGate(t)
			go func() {
				defer func() { _ = recover() }()
				if response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(newRequest(t, api+"/open?do="+g.url)); err == nil {
					_ = response.Body.Close()
				}
			}()
			receiveWithin(t, g.arrived, "the running function")
			if err := cmd.Process.Signal(end); err != nil {
				t.Fatal(err)
			}
			for lines.Scan() { // ends when no process is left that could write
			}
			err = cmd.Wait()
			var exit *exec.ExitError
			if end != syscall.SIGKILL && err != nil || end == syscall.SIGKILL && !errors.As(err, &exit) {
				t.Errorf("the stack ended with %v", err)
			}
			eventually(t, "run.json to say that the stack is not ready", func() bool {
				text, err := os.ReadFile(filepath.Join(data, InfoFile))
				return err == nil && jsonAt(t, string(text), "ready") == false && jsonAt(t, string(text), "api") == api
			})
			eventually(t, "the function to be gone", func() bool { return hasEnded(pid) })
			eventually(t, "dynalite to be gone", func() bool {
				c, err := net.Dial("tcp", strings.TrimPrefix(dynamo, "http://"))
				if err == nil {
					_ = c.Close()
				}
				return err != nil
			})
		})
	}
}

// TestStopLetsStreamsEnd stops a stack while it streams answers. They end as if it went on, and no new request is accepted.
func TestStopLetsStreamsEnd(t *testing.T) {
	s := startStack(t, Options{})
	info := s.Info()
	gates, bodies := []*gate{newGate(t), newGate(t)}, make(chan string, 2)
	for i, address := range []string{info.API + "/stream", info.FunctionURLs["StreamerFunction"] + "/"} {
		go func() {
			defer func() { _ = recover() }()
			_, body := sendRequest(t, "GET", address+"?gate="+gates[i].url, "")
			bodies <- body
		}()
		receiveWithin(t, gates[i].arrived, "the first piece of the stream")
		gates[i].open <- struct{}{}
		receiveWithin(t, gates[i].arrived, "the second piece of the stream")
	}
	stopped := make(chan error, 1)
	go func() {
		defer func() { _ = recover() }()
		stopped <- s.Close()
	}()
	for _, address := range []string{info.API, info.FunctionURLs["StreamerFunction"]} {
		eventually(t, "no new request to be accepted at "+address, func() bool {
			c, err := net.Dial("tcp", strings.TrimPrefix(address, "http://"))
			if err == nil {
				_ = c.Close()
			}
			return err != nil
		})
	}
	for _, g := range gates {
		close(g.open)
	}
	for range gates {
		if body := receiveWithin(t, bodies, "the end of a stream"); body != "one\ntwo\nthree\n" {
			t.Errorf("a stream during the stop: %q, want three lines", body)
		}
	}
	if err := receiveWithin(t, stopped, "the end of the stack"); err != nil {
		t.Error(err)
	}
}

func newRequest(t *testing.T, url string) *http.Request {
	r, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), "GET", url, nil)
	if err != nil {
		t.Error(err)
	}
	return r
}

// newOpenGate returns the URL of a server that answers at once.
func newOpenGate(t *testing.T) string {
	g := newGate(t)
	close(g.open)
	return g.url
}

// hasEnded reports whether a process has ended. A zombie counts as ended.
func hasEnded(pid int) bool {
	if err := syscall.Kill(pid, 0); errors.Is(err, syscall.ESRCH) {
		return true
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && strings.Contains(string(stat), ") Z ")
}

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(waitTimeout)
	for !done() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("gave up waiting for %s", what)
		}
	}
}
