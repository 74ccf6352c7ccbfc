// Package dynalite starts npm's dynalite, a local DynamoDB server, for the duration of a test.
//
// It needs Node.js and the npm packages that `make clients` installs.
package dynalite

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// script listens on a free port and prints its number. It exits when its standard input closes, so a test process that
// is killed leaves no server behind.
const script = `const s=require(process.argv[1])({createTableMs:0});
s.listen(0,'127.0.0.1',()=>console.log(JSON.stringify({port:s.address().port})));
process.stdin.on('end',()=>process.exit(0)).resume()`

// Serve starts an empty DynamoDB, stops it when the test ends, and returns its address.
func Serve(t testing.TB) string {
	t.Helper()
	command := exec.Command("node", "-e", script, "--", modulePath(t))
	lifeline, in := command.StdinPipe()
	out, outErr := command.StdoutPipe()
	if err := errors.Join(in, outErr, command.Start()); err != nil {
		t.Fatalf("dynalite needs Node and the clients (make clients): %v", err)
	}
	t.Cleanup(func() {
		_ = lifeline.Close()
		_ = command.Wait()
	})
	var up struct{ Port int }
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err := errors.Join(err, json.Unmarshal(line, &up)); err != nil {
		t.Fatalf("dynalite did not start; are the clients installed (make clients)? %v", err)
	}
	return fmt.Sprintf("http://127.0.0.1:%d", up.Port)
}

// modulePath returns where npm installed dynalite.
func modulePath(t testing.TB) string {
	t.Helper()
	return filepath.Join(projectRoot(t), "shared", "dev", "compat", "node_modules", "dynalite")
}

// projectRoot returns the folder that holds go.mod. Tests run in their package's folder, so it looks upwards.
func projectRoot(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no folder above the test's holds a go.mod")
		}
		dir = filepath.Dir(dir)
	}
}
