package emulator

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Info says where everything is: what run.json holds.
type Info struct {
	Ready        bool              `json:"ready"`
	API          string            `json:"api"`
	FunctionURLs map[string]string `json:"functionUrls"` // by logical id
	Lambda       string            `json:"lambda"`       // the Invoke API
	Keys         map[string]string `json:"keys"`         // by the API document's names
	Endpoints    map[string]string `json:"endpoints"`    // by service
	Tables       map[string]string `json:"tables"`       // assistants, calls, ledger
	Bucket       string            `json:"bucket"`
	Queues       map[string]string `json:"queues"`         // addresses: calls, raw
	Mail         string            `json:"mail,omitempty"` // a page with what would have been sent
	Assistants   []string          `json:"assistants"`
}

// InfoFile is the name of the file in the data folder that holds an Info.
const InfoFile = "run.json"

// write puts the file in place in one step: nobody reads half of it. It holds keys, so it is its owner's alone.
func (i Info) write(dir string) error {
	b, err := json.MarshalIndent(i, "", " ")
	if err != nil {
		return err
	}
	temporary := filepath.Join(dir, "."+InfoFile)
	if err := os.WriteFile(temporary, append(b, '\n'), 0o600); err != nil {
		return fmt.Errorf("writing %s: %w", InfoFile, err)
	}
	return os.Rename(temporary, filepath.Join(dir, InfoFile))
}

// shortName turns a logical id into the name that Info uses: CallsTable is calls.
func shortName(logical, suffix string) string {
	name := strings.TrimSuffix(logical, suffix)
	return strings.ToLower(name[:1]) + name[1:]
}

// print tells an operator where everything is.
func (i Info) print(w io.Writer, dir string) {
	row := func(name, value string) { _, _ = fmt.Fprintf(w, "  %-30s %s\n", name, value) }
	_, _ = fmt.Fprintf(w, "\nAurora is up.\n\n")
	row("API", i.API)
	for _, name := range sortedKeys(i.FunctionURLs) {
		row(strings.TrimSuffix(name, "Function")+" (URL)", i.FunctionURLs[name])
	}
	row("Lambda (Invoke API)", i.Lambda)
	for _, name := range sortedKeys(i.Endpoints) {
		row(name, i.Endpoints[name])
	}
	if i.Mail != "" {
		row("mail, to look at", i.Mail)
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

// example is a command that works as it is pasted.
func (i Info) example() string {
	key := i.Keys["BINARYTINT_API_KEY"]
	if key == "" {
		return ""
	}
	return fmt.Sprintf(`  curl -N %s/api/v1/openai/chat/completions -H 'Authorization: Bearer %s' \
    -H 'Content-Type: application/json' -d '{"model":"gpt-4o","stream":true,"messages":[{"role":"user","content":"Hello, slowly please"}]}'`, i.API, key)
}
