// Package dynalite starts dynalite, a DynamoDB for one machine, for the time of a test.
//
// It needs Node, and what `make clients` installs.
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

// script listens on a free port, says which, and ends with its standard input: a test that is killed leaves nothing.
const script = `const s=require(process.argv[1])({createTableMs:0});
s.listen(0,'127.0.0.1',()=>console.log(JSON.stringify({port:s.address().port})));
process.stdin.on('end',()=>process.exit(0)).resume()`

// Serve returns the address of an empty DynamoDB that ends with the test.
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

// modulePath is where the clients' dynalite is, from whichever folder of the project a test runs in.
func modulePath(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	for err == nil {
		if _, missing := os.Stat(filepath.Join(dir, "go.mod")); missing == nil {
			return filepath.Join(dir, "shared", "dev", "compat", "node_modules", "dynalite")
		}
		if dir == filepath.Dir(dir) {
			err = errors.New("there is no go.mod above")
		}
		dir = filepath.Dir(dir)
	}
	t.Fatal(err)
	return ""
}
