package emulator

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Info has the addresses, keys and names of a running stack. run.json holds it.
type Info struct {
	Ready        bool              `json:"ready"`
	PID          int               `json:"pid"` // the process of the stack
	Stage        string            `json:"stage"`
	API          string            `json:"api"`
	WebSocket    string            `json:"webSocket,omitempty"` // the local address of the WebSocket API, with its stage
	FunctionURLs map[string]string `json:"functionUrls"`        // by logical id
	Lambda       string            `json:"lambda"`              // the Invoke API
	Keys         map[string]string `json:"keys"`                // by the names of the API document
	Endpoints    map[string]string `json:"endpoints"`           // by service
	Tables       map[string]string `json:"tables"`              // assistants, calls, ledger, history
	Bucket       string            `json:"bucket"`
	Queues       map[string]string `json:"queues"`         // queue URLs, by name: calls, raw
	Mail         string            `json:"mail,omitempty"` // the page that shows the mails
	Assistants   []string          `json:"assistants"`
}

// InfoFile is the name of the file in the data folder that holds the Info.
const InfoFile = "run.json"

// write writes the file in one step, so that a reader never sees half of it. Only its owner can read it: it holds keys.
func (i Info) write(dir string) error {
	b, err := json.MarshalIndent(i, "", " ")
	if err != nil {
		return err
	}
	temporary := filepath.Join(dir, "."+InfoFile)
	if err := os.WriteFile(temporary, append(b, '\n'), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", InfoFile, err)
	}
	return os.Rename(temporary, filepath.Join(dir, InfoFile))
}

// shortName returns the name that Info uses for a logical id: calls for CallsTable.
func shortName(logical, suffix string) string {
	name := strings.TrimSuffix(logical, suffix)
	return strings.ToLower(name[:1]) + name[1:]
}

// print prints the addresses and keys as a table.
func (i Info) print(w io.Writer, dir string) {
	row := func(name, value string) { _, _ = fmt.Fprintf(w, "  %-30s %s\n", name, value) }
	_, _ = fmt.Fprintf(w, "\nAurora is up.\n\n")
	row("API", i.API)
	if i.WebSocket != "" {
		row("WebSocket API", i.WebSocket)
	}
	for _, name := range sortedKeys(i.FunctionURLs) {
		row(strings.TrimSuffix(name, "Function")+" (URL)", i.FunctionURLs[name])
	}
	row("Lambda (Invoke API)", i.Lambda)
	for _, name := range sortedKeys(i.Endpoints) {
		row(name, i.Endpoints[name])
	}
	if i.Mail != "" {
		row("mail page", i.Mail)
	}
	_, _ = fmt.Fprintln(w)
	for _, name := range sortedKeys(i.Keys) {
		row(name, i.Keys[name])
	}
	_, _ = fmt.Fprintln(w)
	for n, id := range i.Assistants {
		if n == 8 {
			row("", fmt.Sprintf("… and %d more", len(i.Assistants)-n))
			break
		}
		row("assistant", id)
	}
	row("data, logs, "+InfoFile, dir)
	if example := i.example(); example != "" {
		_, _ = fmt.Fprintf(w, "\nTry it:\n\n%s\n", example)
	}
	_, _ = fmt.Fprintf(w, "\nCtrl-C stops it; the data stays.\n\n")
}

// example returns a shell command that works as it is pasted.
func (i Info) example() string {
	key := i.Keys["BINARYTINT_API_KEY"]
	if key == "" {
		return ""
	}
	return fmt.Sprintf(`  curl -N %s/api/v1/openai/chat/completions -H 'Authorization: Bearer %s' \
    -H 'Content-Type: application/json' -d '{"model":"gpt-4o","stream":true,"messages":[{"role":"user","content":"Hello, slowly please"}]}'`, i.API, key)
}
